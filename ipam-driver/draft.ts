import { ABSENT, type Compare, type Revision, type Write } from '../src/effects/datastore.js';
import { InternalError } from '../src/model/errors.js';
import type { RecordKind } from '../src/model/record.js';
import type { CachedRecord, RecordCache } from './record-cache.js';

interface Change {
  readonly kind: RecordKind<unknown>;
  /** Undefined: delete. */
  readonly value: unknown;
  /** What the record was when this draft's first change of it was decided: the cache may have learned more since. */
  readonly base: Revision;
}

/** Thrown by `requireFresh`: decide again, with records read from the datastore. */
export class StaleReadError extends Error {}

/**
 * A transaction in the making: what operations before this one have decided lies over what the cache knows. Nothing is
 * seen outside until the ledger commits it. Every record that is written is compared with the revision it was read at.
 */
export class Draft {
  readonly #cache: RecordCache;
  readonly #changes: Map<string, Change>;
  readonly #guards: Map<string, Revision>;
  readonly #blind: Map<string, Write>;
  /** Keys and folders read from the datastore since this attempt began; shared by its forks. */
  readonly #fresh: Set<string>;
  readonly #mustBeFresh: boolean;
  readonly #kinds: Map<string, RecordKind<unknown>>;
  /** Something was read that may be old. */
  usedCache = false;
  /** Something would be written. */
  touched = false;

  constructor(cache: RecordCache, from?: Draft, mustBeFresh = false) {
    this.#cache = cache;
    this.#changes = new Map(from === undefined ? [] : from.#changes);
    this.#guards = new Map(from === undefined ? [] : from.#guards);
    this.#blind = new Map(from === undefined ? [] : from.#blind);
    this.#fresh = from === undefined ? new Set() : from.#fresh;
    this.#kinds = from === undefined ? new Map() : from.#kinds;
    this.#mustBeFresh = mustBeFresh;
  }

  /** A draft that goes on from this one, and can be thrown away without it. */
  fork(mustBeFresh: boolean): Draft {
    return new Draft(this.#cache, this, mustBeFresh);
  }

  /** @throws CorruptRecordError if it is there and cannot be read */
  async read<T>(kind: RecordKind<T>, key: string): Promise<T | undefined> {
    const change = this.#changes.get(key);
    if (change !== undefined) return change.value as T | undefined;
    const record = await this.#record(kind, key);
    if ('corrupt' in record) throw record.corrupt;
    return record.value as T | undefined;
  }

  /** The records at these keys, sorted by key. Those that are not there are left out, and so are corrupt ones. */
  async readAll<T>(kind: RecordKind<T>, keys: readonly string[]): Promise<readonly T[]> {
    const read = async (key: string): Promise<readonly T[]> => {
      const change = this.#changes.get(key);
      const record = change ?? (await this.#record(kind, key));
      return 'corrupt' in record || record.value === undefined ? [] : [record.value as T];
    };
    const sorted = keys.toSorted((a, b) => (a < b ? -1 : 1));
    return (await Promise.all(sorted.map(read))).flat();
  }

  /**
   * Records whose key is `prefix` and one name more, sorted by key. Corrupt ones are left out, but `exists`.
   *
   * @param after keys of records that were read: the list is as of their last change or later
   */
  async list<T>(kind: RecordKind<T>, prefix: string, after: readonly string[] = []): Promise<readonly T[]> {
    let keys = this.#cache.folder(prefix);
    const isOlder = after.some((key) => this.#known(key) > this.#cache.listedAt(prefix));
    if (keys === undefined || isOlder || (this.#mustBeFresh && !this.#fresh.has(prefix))) {
      keys = await this.#cache.list(kind, prefix);
      this.#fresh.add(prefix);
      for (const key of keys) this.#fresh.add(key);
    } else if (!this.#fresh.has(prefix)) this.usedCache = true;
    const values = new Map<string, T>();
    for (const key of keys) {
      const record = this.#cache.peek(key);
      if (record !== undefined && !('corrupt' in record) && record.value !== undefined) {
        this.#kinds.set(key, kind as RecordKind<unknown>);
        values.set(key, record.value as T);
      }
    }
    for (const [key, change] of this.#changes) {
      if (!key.startsWith(prefix)) continue;
      if (change.value === undefined) values.delete(key);
      else values.set(key, change.value as T);
    }
    return [...values].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
  }

  /** Keys of a folder that was listed whose records cannot be read. */
  corruptKeys(prefix: string): readonly string[] {
    return [...(this.#cache.folder(prefix) ?? [])].filter((key) => {
      const record = this.#cache.peek(key);
      return record !== undefined && 'corrupt' in record;
    });
  }

  /** Whether a key is there, readable or not, as far as is known without asking. */
  exists(key: string): boolean {
    const change = this.#changes.get(key);
    if (change !== undefined) return change.value !== undefined;
    const record = this.#cache.peek(key);
    return record !== undefined && record.revision !== ABSENT;
  }

  /** Before deciding that something cannot be had: only what the datastore says now counts. */
  requireFresh(): void {
    if (this.usedCache && !this.#mustBeFresh) throw new StaleReadError();
  }

  /** @param value absent: delete. The record must have been read, or be known to be absent from a listing. */
  write<T>(kind: RecordKind<T>, key: string, value: T | undefined): void {
    const stored = this.#cache.peek(key);
    // What we cannot read is not ours to replace: a person has to look at it first.
    if (stored !== undefined && 'corrupt' in stored) throw stored.corrupt;
    const base = this.#changes.get(key)?.base ?? this.#known(key);
    this.#changes.set(key, { kind: kind as RecordKind<unknown>, value, base });
    this.#kinds.set(key, kind as RecordKind<unknown>);
    this.touched = true;
  }

  /** The transaction fails if another changes this record meanwhile, although we do not write it. */
  guard(key: string): void {
    if (!this.#guards.has(key)) this.#guards.set(key, this.#known(key));
  }

  /** A write whatever is there: for records that another record of the transaction already protects. */
  writeBlindly(write: Write): void {
    this.#blind.set(write.key, write);
    this.touched = true;
  }

  transaction(): { readonly compares: readonly Compare[]; readonly writes: readonly Write[] } {
    const revisions = new Map(this.#guards);
    for (const [key, { base }] of this.#changes) revisions.set(key, base);
    const compares = [...revisions].map(([key, revision]) => ({ key, revision }));
    const writes: Write[] = [...this.#blind.values()];
    for (const [key, { kind, value, base }] of this.#changes) {
      if (value !== undefined) writes.push({ kind: 'put', key, value: kind.encode(value) });
      // What was made and taken away within one transaction was never there.
      else if (base !== ABSENT) writes.push({ kind: 'delete', key });
    }
    return { compares, writes };
  }

  /** What the records written will be, for the cache. */
  *results(): Generator<readonly [key: string, value: unknown]> {
    for (const [key, change] of this.#changes) yield [key, change.value];
  }

  kindOf(key: string): RecordKind<unknown> {
    const kind = this.#kinds.get(key);
    if (kind === undefined) throw new InternalError(`the record ${key} was compared but never read`);
    return kind;
  }

  #known(key: string): Revision {
    return this.#cache.peek(key)?.revision ?? ABSENT;
  }

  async #record<T>(kind: RecordKind<T>, key: string): Promise<CachedRecord> {
    this.#kinds.set(key, kind as RecordKind<unknown>);
    const known = this.#cache.peek(key);
    if (known !== undefined && (this.#fresh.has(key) || !this.#mustBeFresh)) {
      if (!this.#fresh.has(key)) this.usedCache = true;
      return known;
    }
    const record = await this.#cache.read(kind, key);
    this.#fresh.add(key);
    return record;
  }
}
