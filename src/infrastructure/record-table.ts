import { isDeepStrictEqual } from 'node:util';
import type { Versioned } from '../effects/cluster-view.js';
import type { Change, FollowUpdate, Revision, StoredValue } from '../effects/datastore.js';
import { describeError } from '../model/errors.js';
import type { RecordKind } from '../model/record.js';

/** A value that came, went or became another at one key; both absent never occurs. */
export interface ValueChange<T> {
  readonly key: string;
  readonly before: T | undefined;
  readonly after: T | undefined;
}

export interface RecordTableOptions<T, Name extends string> {
  readonly kind: RecordKind<T>;
  /** What `entries` is asked by. */
  readonly nameOf: (value: T) => Name;
  /** Where a value must lie in the store. */
  readonly keyOf: (value: T) => string;
  /** Narrower than the kind's own: other records are passed over. */
  readonly prefix?: string;
  /** Makes an equal value that takes less memory. */
  readonly compact?: (key: string, value: T) => T;
  /** Called once for each text that cannot be used. */
  readonly onProblem?: (key: string, problem: string) => void;
}

/** What lies at one key; `value` is undefined if its text cannot be used. */
interface Known<T> {
  readonly revision: Revision;
  readonly value: T | undefined;
}

/** A text as it was read, with the reason if it cannot be used. */
interface Reading<T> extends Known<T> {
  readonly problem: string | undefined;
}

/** A snapshot of which some parts have come. */
interface Snapshot<T> {
  readonly revision: Revision;
  /** The store was restored or replaced: what was known of the old one counts no more. */
  readonly wentBack: boolean;
  /** Keys that were known when it began, and that no part has listed yet. */
  readonly unlisted: Set<string>;
  /** What it will change when it is whole: a view that is in use must not show half of it. */
  readonly staged: Map<string, Reading<T>>;
}

/**
 * The records of one kind, merged from two sources that may overtake one another: our own commits and what following
 * the store tells. For each key the highest revision wins, deletions included. Every `apply` returns the changes of
 * values it made.
 */
export class RecordTable<T, Name extends string> {
  readonly prefix: string;
  readonly #options: RecordTableOptions<T, Name>;
  readonly #known = new Map<string, Known<T>>();
  /** Keys whose deletion the watch has not told yet: older news of them may still arrive. */
  readonly #deleted = new Map<string, Revision>();
  readonly #entries = new Map<Name, Versioned<T>>();
  readonly #problems = new Map<string, string>();
  /** Up to where the watch has told everything; undefined before the first snapshot is whole. */
  #watched: Revision | undefined;
  #snapshot: Snapshot<T> | undefined;

  constructor(options: RecordTableOptions<T, Name>) {
    this.#options = options;
    this.prefix = options.prefix ?? options.kind.prefix;
  }

  get entries(): ReadonlyMap<Name, Versioned<T>> {
    return this.#entries;
  }

  /** Keys whose text cannot be used, each with the reason. */
  get problems(): ReadonlyMap<string, string> {
    return this.#problems;
  }

  /** Writes of ours that were committed. */
  applyCommit(changes: readonly Change[]): ValueChange<T>[] {
    return changes.filter(({ key }) => key.startsWith(this.prefix)).flatMap((change) => this.#applyIfNewer(change));
  }

  /** Parts of the first snapshot show as they come; those of a later one all at once, when the last has come. */
  applyUpdate(update: FollowUpdate): ValueChange<T>[] {
    if (update.kind === 'part') return this.#applyPart(update);
    const changes = this.applyCommit(update.changes);
    this.#watchedUpTo(update.revision);
    return changes;
  }

  #watchedUpTo(revision: Revision): void {
    this.#watched = revision;
    for (const [key, deletedAt] of this.#deleted) if (deletedAt <= revision) this.#deleted.delete(key);
  }

  /** Not newer is also what the watch has passed: a later deletion of the key may be forgotten already. */
  #applyIfNewer(change: Change): ValueChange<T>[] {
    const known = Math.max(this.#revisionOf(change.key), this.#watched ?? 0);
    if (known >= change.revision) return [];
    return change.kind === 'put'
      ? this.#put(change.key, this.#read(change))
      : this.#delete(change.key, change.revision);
  }

  #applyPart({ items, revision, first, last }: FollowUpdate & { readonly kind: 'part' }): ValueChange<T>[] {
    if (first || this.#snapshot === undefined) {
      const wentBack = this.#watched !== undefined && revision < this.#watched;
      this.#snapshot = { revision, wentBack, unlisted: new Set(this.#known.keys()), staged: new Map() };
    }
    const snapshot = this.#snapshot;
    const changes: ValueChange<T>[] = [];
    for (const item of items) {
      if (!item.key.startsWith(this.prefix) || !this.#isNews(snapshot, item)) continue;
      if (this.#watched === undefined) changes.push(...this.#put(item.key, this.#read(item)));
      else snapshot.staged.set(item.key, this.#read(item));
    }
    return last ? [...changes, ...this.#finish(snapshot)] : changes;
  }

  #isNews(snapshot: Snapshot<T>, { key, revision }: StoredValue): boolean {
    if (snapshot.unlisted.size > 0) snapshot.unlisted.delete(key);
    const known = this.#revisionOf(key);
    return isOlder(snapshot, known) && (snapshot.wentBack || known !== revision);
  }

  #finish(snapshot: Snapshot<T>): ValueChange<T>[] {
    const gone = [...snapshot.unlisted].filter((key) => isOlder(snapshot, this.#revisionOf(key)));
    const changes = [...gone.flatMap((key) => this.#delete(key, snapshot.revision)), ...this.#applyStaged(snapshot)];
    this.#snapshot = undefined;
    this.#watchedUpTo(snapshot.revision);
    return changes;
  }

  #applyStaged(snapshot: Snapshot<T>): ValueChange<T>[] {
    const changes: ValueChange<T>[] = [];
    for (const [key, reading] of snapshot.staged) {
      if (isOlder(snapshot, this.#revisionOf(key))) changes.push(...this.#put(key, reading));
    }
    snapshot.staged.clear();
    return changes;
  }

  #put(key: string, { revision, value, problem }: Reading<T>): ValueChange<T>[] {
    if (problem !== undefined) this.#tellProblem(key, problem);
    else if (this.#problems.size > 0) this.#problems.delete(key);
    if (this.#deleted.size > 0) this.#deleted.delete(key);
    return this.#replace(key, { revision, value });
  }

  #delete(key: string, revision: Revision): ValueChange<T>[] {
    this.#problems.delete(key);
    this.#deleted.set(key, revision);
    return this.#replace(key, undefined);
  }

  #replace(key: string, after: Known<T> | undefined): ValueChange<T>[] {
    const { nameOf } = this.#options;
    const before = this.#known.get(key);
    if (before === undefined && isReadable(after)) {
      this.#entries.set(nameOf(after.value), after);
      this.#known.set(key, after);
      return [{ key, before: undefined, after: after.value }];
    }
    if (isReadable(before) && this.#entries.get(nameOf(before.value)) === before) {
      this.#entries.delete(nameOf(before.value));
    }
    if (isReadable(after)) this.#entries.set(nameOf(after.value), after);
    if (after === undefined) this.#known.delete(key);
    else this.#known.set(key, after);
    return isDeepStrictEqual(before?.value, after?.value) ? [] : [{ key, before: before?.value, after: after?.value }];
  }

  #read({ key, value: text, revision }: StoredValue): Reading<T> {
    const { kind, keyOf, compact } = this.#options;
    try {
      const value = kind.written(text) ?? kind.decode(key, text);
      if (keyOf(value) !== key) throw new Error(`the record at ${key} belongs at ${keyOf(value)}; move or delete it`);
      return { value: compact === undefined ? value : compact(key, value), revision, problem: undefined };
    } catch (error) {
      return { value: undefined, revision, problem: describeError(error) };
    }
  }

  #tellProblem(key: string, problem: string): void {
    if (this.#problems.get(key) !== problem) this.#options.onProblem?.(key, problem);
    this.#problems.set(key, problem);
  }

  #revisionOf(key: string): number {
    const known = this.#known.get(key)?.revision;
    if (known !== undefined || this.#deleted.size === 0) return known ?? 0;
    return this.#deleted.get(key) ?? 0;
  }
}

/** Up to its revision a snapshot is the truth; what we committed after it stays, and the watch will tell that too. */
const isOlder = ({ revision, wentBack }: Pick<Snapshot<unknown>, 'revision' | 'wentBack'>, known: number): boolean =>
  wentBack || known <= revision;

const isReadable = <T>(known: Known<T> | undefined): known is Versioned<T> => known?.value !== undefined;
