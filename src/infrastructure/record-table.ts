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
  /** What `entries` is asked by: a part of the key, or all of it. Of two keys with one name the last heard of counts. */
  readonly nameOf: (key: string) => Name;
  /** Where a value must lie in the store. */
  readonly keyOf: (value: T) => string;
  /** Narrower than the kind's own: other records are passed over. */
  readonly prefix?: string;
  /** Makes an equal value that takes less memory. */
  readonly compact?: (key: string, value: T) => T;
  /** What holds the records; a Map if absent. */
  readonly shelf?: Shelf<Name, T>;
  /** Called once for each text that cannot be used. */
  readonly onProblem?: (key: string, problem: string) => void;
}

/** Holds records by name, as a Map does; what it gives may be another object each time. */
export interface Shelf<Name, T> extends ReadonlyMap<Name, Versioned<T>> {
  set(name: Name, record: Versioned<T>): unknown;
  delete(name: Name): boolean;
}

/** A text as it was read: its value, or why it cannot be used. */
type Reading<T> =
  | (Versioned<T> & { readonly problem?: never })
  | { readonly value?: never; readonly revision: Revision; readonly problem: string };

/** A snapshot of which some parts have come. */
interface Snapshot<Name, T> {
  readonly revision: Revision;
  /** The store was restored or replaced: what was known of the old one counts no more. */
  readonly wentBack: boolean;
  /** What was known when it began, and no part has listed yet. */
  readonly unlisted: { readonly names: Set<Name>; readonly unusable: Set<string> };
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
  readonly #entries: Shelf<Name, T>;
  /** Keys whose text cannot be used. */
  readonly #unusable = new Map<string, Revision>();
  /** Keys whose deletion the watch has not told yet: older news of them may still arrive. */
  readonly #deleted = new Map<string, Revision>();
  readonly #problems = new Map<string, string>();
  /** Up to where the watch has told everything; undefined before the first snapshot is whole. */
  #watched: Revision | undefined;
  #snapshot: Snapshot<Name, T> | undefined;

  constructor(options: RecordTableOptions<T, Name>) {
    this.#options = options;
    this.#entries = options.shelf ?? new Map<Name, Versioned<T>>();
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
      const unlisted = { names: new Set(this.#entries.keys()), unusable: new Set(this.#unusable.keys()) };
      this.#snapshot = { revision, wentBack, unlisted, staged: new Map() };
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

  #isNews(snapshot: Snapshot<Name, T>, { key, revision }: StoredValue): boolean {
    const { names, unusable } = snapshot.unlisted;
    if (names.size > 0) names.delete(this.#options.nameOf(key));
    if (unusable.size > 0) unusable.delete(key);
    const known = this.#revisionOf(key);
    return isOlder(snapshot, known) && (snapshot.wentBack || known !== revision);
  }

  #finish(snapshot: Snapshot<Name, T>): ValueChange<T>[] {
    const gone = this.#unlistedKeys(snapshot).filter((key) => isOlder(snapshot, this.#revisionOf(key)));
    const changes = [...gone.flatMap((key) => this.#delete(key, snapshot.revision)), ...this.#applyStaged(snapshot)];
    this.#snapshot = undefined;
    this.#watchedUpTo(snapshot.revision);
    return changes;
  }

  #unlistedKeys({ unlisted: { names, unusable } }: Snapshot<Name, T>): string[] {
    const listed = [...names].map((name) => this.#entries.get(name)).filter((entry) => entry !== undefined);
    return [...listed.map(({ value }) => this.#options.keyOf(value)), ...unusable];
  }

  #applyStaged(snapshot: Snapshot<Name, T>): ValueChange<T>[] {
    const changes: ValueChange<T>[] = [];
    for (const [key, reading] of snapshot.staged) {
      if (isOlder(snapshot, this.#revisionOf(key))) changes.push(...this.#put(key, reading));
    }
    snapshot.staged.clear();
    return changes;
  }

  #put(key: string, reading: Reading<T>): ValueChange<T>[] {
    if (this.#deleted.size > 0) this.#deleted.delete(key);
    if (reading.problem === undefined) {
      if (this.#unusable.size > 0) this.#forgetProblem(key);
      return this.#replace(key, reading);
    }
    this.#tellProblem(key, reading.problem);
    this.#unusable.set(key, reading.revision);
    return this.#replace(key, undefined);
  }

  #delete(key: string, revision: Revision): ValueChange<T>[] {
    this.#forgetProblem(key);
    this.#deleted.set(key, revision);
    return this.#replace(key, undefined);
  }

  #replace(key: string, after: Versioned<T> | undefined): ValueChange<T>[] {
    const { nameOf, keyOf } = this.#options;
    const name = nameOf(key);
    const before = this.#entries.get(name);
    const formerKey = before && keyOf(before.value);
    if (after !== undefined) this.#entries.set(name, after);
    else if (formerKey === key) this.#entries.delete(name);
    if (before === undefined || formerKey === key) return valueChange(key, before?.value, after?.value);
    // Another key has the name: nothing is known of this one, which takes its place or was not shown.
    if (after === undefined) return [];
    return [...valueChange(formerKey as string, before.value, undefined), ...valueChange(key, undefined, after.value)];
  }

  #read({ key, value: text, revision }: StoredValue): Reading<T> {
    const { kind, keyOf, compact } = this.#options;
    try {
      const value = kind.written(text) ?? kind.decode(key, text);
      if (keyOf(value) !== key) throw new Error(`the record at ${key} belongs at ${keyOf(value)}; move or delete it`);
      return { revision, value: compact === undefined ? value : compact(key, value) };
    } catch (error) {
      return { revision, problem: describeError(error) };
    }
  }

  #tellProblem(key: string, problem: string): void {
    if (this.#problems.get(key) !== problem) this.#options.onProblem?.(key, problem);
    this.#problems.set(key, problem);
  }

  #forgetProblem(key: string): void {
    this.#problems.delete(key);
    this.#unusable.delete(key);
  }

  #revisionOf(key: string): number {
    const entry = this.#entries.get(this.#options.nameOf(key));
    if (entry !== undefined && this.#options.keyOf(entry.value) === key) return entry.revision;
    if (this.#unusable.size === 0 && this.#deleted.size === 0) return 0;
    return this.#unusable.get(key) ?? this.#deleted.get(key) ?? 0;
  }
}

/** Up to its revision a snapshot is the truth; what we committed after it stays, and the watch will tell that too. */
const isOlder = (
  { revision, wentBack }: Pick<Snapshot<unknown, unknown>, 'revision' | 'wentBack'>,
  known: number,
): boolean => wentBack || known <= revision;

const valueChange = <T>(key: string, before: T | undefined, after: T | undefined): ValueChange<T>[] =>
  isDeepStrictEqual(before, after) ? [] : [{ key, before, after }];
