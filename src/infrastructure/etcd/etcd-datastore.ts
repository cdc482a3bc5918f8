import type { IRangeResponse } from 'etcd3';
import type {
  Datastore,
  DatastoreHealth,
  FollowUpdate,
  Listing,
  Revision,
  StoredValue,
  Transaction,
  TransactionOutcome,
  Watch,
  WatchUpdate,
} from '../../effects/datastore.js';
import type { Logger } from '../../effects/logger.js';
import { checkTransaction } from '../check-transaction.js';
import { CALL_DEADLINE_MS } from '../deadline.js';
import { wholeSnapshots } from '../whole-snapshots.js';
import type { EtcdCredentials } from './etcd-config.js';
import { EtcdConnection } from './etcd-connection.js';
import { EtcdLeases } from './etcd-leases.js';
import { bytes, keyAfter, rangeOf, revisionOf, storedValueOf, txnOutcome, txnRequest } from './etcd-messages.js';
import { EtcdWatch } from './etcd-watch.js';
import { FIRST_PAGE_KEYS, nextPageKeys } from './page-size.js';

/** For a page of a snapshot, which no call of Docker's waits for. */
const SNAPSHOT_PAGE_MS = 10_000;
const PROBED_KEY = bytes('/corduroy/v1/');

export interface EtcdOptions {
  readonly endpoints: readonly string[];
  readonly credentials: EtcdCredentials;
  readonly log: Logger;
  readonly deadlineMs?: number | undefined;
  /** How often etcd is asked for its revision while all is well; 10 s if absent. Otherwise every second. */
  readonly probeMs?: number | undefined;
  /** Told whenever `health` changes. */
  readonly onHealth?: (health: DatastoreHealth) => void;
}

/** The store of a cluster. A list has the deadline for each of its pages. */
export class EtcdDatastore implements Datastore {
  readonly #connection: EtcdConnection;
  readonly #log: Logger;
  readonly #watches = new Set<EtcdWatch>();
  readonly #probeMs: number;
  readonly leases: EtcdLeases;
  /** Resolves after etcd was asked for the first time, whatever came of it. */
  readonly asked: Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  #closed: boolean;

  constructor(options: EtcdOptions) {
    const { endpoints, credentials, log, deadlineMs = CALL_DEADLINE_MS, probeMs = 10_000, onHealth } = options;
    this.#connection = new EtcdConnection({ endpoints, credentials, log, deadlineMs, onHealth });
    this.leases = new EtcdLeases(this.#connection);
    this.#log = log;
    this.#probeMs = probeMs;
    this.#closed = false;
    this.asked = this.#probe();
  }

  async get(key: string): Promise<StoredValue | undefined> {
    const { kvs } = await this.#connection.call('always', ({ kv }, options) => kv.range({ key: bytes(key) }, options));
    return kvs.map(storedValueOf).at(0);
  }

  async list(prefix: string): Promise<Listing> {
    const items: StoredValue[] = [];
    let revision: Revision | undefined;
    for await (const page of this.#pages([prefix])) {
      for (const item of page.items) items.push(item);
      revision = page.revision;
    }
    return { items, revision: revision as Revision };
  }

  async transact(transaction: Transaction): Promise<TransactionOutcome> {
    checkTransaction(transaction);
    const request = txnRequest(transaction);
    return txnOutcome(await this.#connection.call('ifNeverSent', ({ kv }, options) => kv.txn(request, options)));
  }

  watch(prefix: string, listener: (update: WatchUpdate) => void): Watch {
    return this.follow([prefix], wholeSnapshots(listener));
  }

  /** @param listener the next part of a snapshot waits for what it returns */
  follow(prefixes: readonly string[], listener: (update: FollowUpdate) => void | Promise<void>): Watch {
    const pages = () => this.#pages(prefixes, SNAPSHOT_PAGE_MS);
    const watch = new EtcdWatch({ connection: this.#connection, prefixes, pages, listener, log: this.#log });
    this.#watches.add(watch);
    return {
      close: () => {
        this.#watches.delete(watch);
        return watch.close();
      },
    };
  }

  health(): DatastoreHealth {
    return this.#connection.health();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.all([...this.#watches].map((watch) => watch.close()));
    this.#connection.close();
  }

  /** At least one page of each prefix, all at the revision of the first; the next is on its way while one is read. */
  async *#pages(prefixes: readonly string[], deadlineMs?: number): AsyncGenerator<Listing> {
    let revision: Revision | undefined;
    const ask = (key: Buffer, range_end: Buffer, limit: number): Promise<IRangeResponse> => {
      const request = { key, range_end, limit, ...(revision !== undefined && { revision }) };
      return this.#connection.call('always', ({ kv }, options) => kv.range(request, options), deadlineMs);
    };
    for (const prefix of prefixes) {
      const { key, range_end } = rangeOf(prefix);
      let asked: Promise<IRangeResponse> | undefined = ask(key, range_end, FIRST_PAGE_KEYS);
      while (asked !== undefined) {
        const page: IRangeResponse = await asked;
        // A compaction in between is an error, and the whole is tried again.
        revision ??= revisionOf(page.header.revision);
        const last = page.kvs.at(-1);
        asked =
          page.more && last !== undefined ? ask(keyAfter(last.key), range_end, nextPageKeys(page.kvs)) : undefined;
        // Who stops reading never hears of it.
        asked?.catch(() => {});
        yield { items: page.kvs.map(storedValueOf), revision };
      }
    }
  }

  /** Keeps health true while nobody calls, and finds watches that fell silent. */
  async #probe(): Promise<void> {
    const request = { key: PROBED_KEY, keys_only: true };
    const probing = this.#connection.call('always', ({ kv }, options) => kv.range(request, options));
    const answer = await probing.catch(() => undefined);
    if (this.#closed) return;
    if (answer !== undefined) for (const watch of this.#watches) watch.expect(revisionOf(answer.header.revision));
    const pauseMs = answer === undefined ? Math.min(1_000, this.#probeMs) : this.#probeMs;
    this.#timer = setTimeout(() => void this.#probe(), pauseMs).unref();
  }
}
