import { isDeepStrictEqual } from 'node:util';
import type { Versioned } from '../effects/cluster-view.js';
import type { Change, Revision, WatchUpdate } from '../effects/datastore.js';
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
  /** Called once for each text that cannot be used. */
  readonly onProblem?: (key: string, problem: string) => void;
}

/** What lies at one key; `entry` is undefined if its text cannot be used. */
interface Known<T> {
  readonly revision: Revision;
  readonly entry: Versioned<T> | undefined;
}

/**
 * The records of one kind, merged from two sources that may overtake one another: our own commits and the watch. For
 * each key the highest revision wins, deletions included. Every `apply` returns the changes of values it made.
 */
export class RecordTable<T, Name extends string> {
  readonly prefix: string;
  readonly #options: RecordTableOptions<T, Name>;
  readonly #known = new Map<string, Known<T>>();
  /** Keys whose deletion the watch has not told yet: older news of them may still arrive. */
  readonly #deleted = new Map<string, Revision>();
  readonly #entries = new Map<Name, Versioned<T>>();
  readonly #problems = new Map<string, string>();
  /** Up to where the watch has told everything. */
  #watched: Revision | undefined;

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

  applyUpdate(update: WatchUpdate): ValueChange<T>[] {
    const changes = update.kind === 'snapshot' ? this.#applySnapshot(update) : this.applyCommit(update.changes);
    this.#watched = update.revision;
    for (const [key, revision] of this.#deleted) if (revision <= update.revision) this.#deleted.delete(key);
    return changes;
  }

  /** Not newer is also what the watch has passed: a later deletion of the key may be forgotten already. */
  #applyIfNewer(change: Change): ValueChange<T>[] {
    const known = Math.max(this.#revisionOf(change.key), this.#watched ?? 0);
    return known < change.revision ? this.#set(change) : [];
  }

  /** Up to its revision a snapshot is the truth; what we committed after it stays, and the watch will tell that too. */
  #applySnapshot(snapshot: WatchUpdate & { readonly kind: 'snapshot' }): ValueChange<T>[] {
    // A store whose revision went back was restored or replaced: what was known of the old one counts no more.
    const wentBack = this.#watched !== undefined && snapshot.revision < this.#watched;
    const isOlder = (key: string): boolean => wentBack || this.#revisionOf(key) <= snapshot.revision;
    const listed = snapshot.items.filter(({ key }) => key.startsWith(this.prefix));
    const listedKeys = new Set(listed.map(({ key }) => key));
    const gone = [...this.#known.keys()].filter((key) => !listedKeys.has(key) && isOlder(key));
    const news = listed.filter(
      (item) => isOlder(item.key) && (wentBack || this.#revisionOf(item.key) !== item.revision),
    );
    return [
      ...gone.flatMap((key) => this.#set({ kind: 'delete', key, revision: snapshot.revision })),
      ...news.flatMap((item) => this.#set({ kind: 'put', ...item })),
    ];
  }

  #set(change: Change): ValueChange<T>[] {
    const { key, revision } = change;
    const before = this.#known.get(key)?.entry;
    const after = change.kind === 'put' ? this.#read(change) : undefined;
    if (change.kind === 'put') {
      this.#known.set(key, { revision, entry: after });
      this.#deleted.delete(key);
    } else {
      this.#known.delete(key);
      this.#deleted.set(key, revision);
      this.#problems.delete(key);
    }
    this.#replace(before, after);
    return isDeepStrictEqual(before?.value, after?.value) ? [] : [{ key, before: before?.value, after: after?.value }];
  }

  #replace(before: Versioned<T> | undefined, after: Versioned<T> | undefined): void {
    const { nameOf } = this.#options;
    if (before !== undefined && this.#entries.get(nameOf(before.value)) === before) {
      this.#entries.delete(nameOf(before.value));
    }
    if (after !== undefined) this.#entries.set(nameOf(after.value), after);
  }

  #read({ key, value: text, revision }: Change & { readonly kind: 'put' }): Versioned<T> | undefined {
    const { kind, keyOf, onProblem } = this.#options;
    try {
      const value = kind.decode(key, text);
      if (keyOf(value) !== key) throw new Error(`the record at ${key} belongs at ${keyOf(value)}; move or delete it`);
      this.#problems.delete(key);
      return { value, revision };
    } catch (error) {
      const problem = describeError(error);
      if (this.#problems.get(key) !== problem) onProblem?.(key, problem);
      this.#problems.set(key, problem);
      return undefined;
    }
  }

  #revisionOf(key: string): number {
    return this.#known.get(key)?.revision ?? this.#deleted.get(key) ?? 0;
  }
}
