import { ABSENT, type Datastore, type Revision, type StoredValue } from '../src/effects/datastore.js';
import type { Logger } from '../src/effects/logger.js';
import { CorruptRecordError, describeError } from '../src/model/errors.js';
import type { RecordKind } from '../src/model/record.js';
import { mapInSteps } from './in-steps.js';

/** A record as last seen. Revision ABSENT: there was none. */
export type CachedRecord =
  | { readonly revision: Revision; readonly value: unknown }
  | { readonly revision: Revision; readonly corrupt: CorruptRecordError };

/** Records read one by one beyond this many drive out the oldest. Listings stay whole, whatever their size. */
const CAPACITY = 8192;

const folderOf = (key: string): string => key.slice(0, key.lastIndexOf('/') + 1);

/**
 * Records with the revisions they had when last read or written. What it says may be old; a transaction that compares
 * the revisions finds out.
 */
export class RecordCache {
  readonly #datastore: Pick<Datastore, 'get' | 'list'>;
  readonly #log: Logger;
  readonly #records = new Map<string, CachedRecord>();
  /** Keys that exist, of each folder that was listed. */
  readonly #folders = new Map<string, Set<string>>();
  /** The store's revision that each folder was listed at. */
  readonly #listedAt = new Map<string, Revision>();

  constructor(datastore: Pick<Datastore, 'get' | 'list'>, log: Logger) {
    this.#datastore = datastore;
    this.#log = log;
  }

  peek(key: string): CachedRecord | undefined {
    return this.#records.get(key);
  }

  async read<T>(kind: RecordKind<T>, key: string): Promise<CachedRecord> {
    const stored = await this.#datastore.get(key);
    if (this.#records.size > CAPACITY) this.#forgetOldest();
    return this.set(key, decodeStored(kind, stored));
  }

  /** Those that could not be read when they were last seen. */
  corrupt(): readonly CorruptRecordError[] {
    return [...this.#records.values()].flatMap((record) => ('corrupt' in record ? [record.corrupt] : []));
  }

  /** Keys of a listed folder, in no order; undefined if it was not listed. */
  folder(prefix: string): ReadonlySet<string> | undefined {
    return this.#folders.get(prefix);
  }

  /** ABSENT: it was not listed. What was written later may be missing. */
  listedAt(prefix: string): Revision {
    return this.#listedAt.get(prefix) ?? ABSENT;
  }

  /** @param prefix ends in a slash, and only such keys as have no further slash are kept */
  async list<T>(kind: RecordKind<T>, prefix: string): Promise<ReadonlySet<string>> {
    const { items, revision } = await this.#datastore.list(prefix);
    const records = await mapInSteps(items, (item) => ({ key: item.key, record: decodeStored(kind, item) }));
    this.#listedAt.set(prefix, revision);
    const told = new Set<string>();
    for (const key of this.#folders.get(prefix) ?? []) {
      const record = this.#records.get(key);
      if (record !== undefined && 'corrupt' in record) told.add(key);
      this.#records.delete(key);
    }
    const keys = new Set<string>();
    this.#folders.set(prefix, keys);
    for (const { key, record } of records) {
      if ('corrupt' in record && !told.has(key)) this.#log.error({ key }, describeError(record.corrupt));
      this.set(key, record);
    }
    return keys;
  }

  set(key: string, record: CachedRecord): CachedRecord {
    this.#records.delete(key);
    this.#records.set(key, record);
    const folder = this.#folders.get(folderOf(key));
    if (record.revision === ABSENT) folder?.delete(key);
    else folder?.add(key);
    return record;
  }

  /** After a write whose outcome is unknown: it will be read again. */
  forget(key: string): void {
    this.#records.delete(key);
    this.#folders.delete(folderOf(key));
  }

  #forgetOldest(): void {
    const [oldest] = this.#records.keys();
    if (oldest !== undefined) this.forget(oldest);
  }
}

export function decodeStored<T>(kind: RecordKind<T>, stored: StoredValue | undefined): CachedRecord {
  if (stored === undefined) return { revision: ABSENT, value: undefined };
  try {
    return { revision: stored.revision, value: kind.decode(stored.key, stored.value) };
  } catch (error) {
    if (!(error instanceof CorruptRecordError)) throw error;
    return { revision: stored.revision, corrupt: error };
  }
}
