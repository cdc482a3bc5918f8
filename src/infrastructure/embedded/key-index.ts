import type { Change, Listing, Revision, StoredValue } from '../../effects/datastore.js';

/** All keys and texts in memory, as of one revision. Synchronous; lists are sorted by key. */
export class KeyIndex {
  readonly #values = new Map<string, StoredValue>();
  /** Sorted when asked for: writes come one by one, lists seldom. Undefined: keys came or went since. */
  #sortedKeys: string[] | undefined = [];
  #revision: Revision;

  constructor(revision: Revision) {
    this.#revision = revision;
  }

  get revision(): Revision {
    return this.#revision;
  }

  get(key: string): StoredValue | undefined {
    return this.#values.get(key);
  }

  list(prefix: string): Listing {
    this.#sortedKeys ??= [...this.#values.keys()].sort();
    const keys = this.#sortedKeys;
    const items: StoredValue[] = [];
    for (let i = firstAtOrAfter(keys, prefix); i < keys.length; i++) {
      const value = this.#values.get(keys[i] as string);
      if (value === undefined || !value.key.startsWith(prefix)) break;
      items.push(value);
    }
    return { items, revision: this.#revision };
  }

  /** @param changes of one or more transactions, in order; the index then shows the store as of `revision` */
  apply(changes: readonly Change[], revision: Revision): void {
    for (const change of changes) {
      const known = this.#values.has(change.key);
      if (known !== (change.kind === 'put')) this.#sortedKeys = undefined;
      if (change.kind === 'delete') this.#values.delete(change.key);
      else this.#values.set(change.key, { key: change.key, value: change.value, revision: change.revision });
    }
    this.#revision = revision;
  }
}

function firstAtOrAfter(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
