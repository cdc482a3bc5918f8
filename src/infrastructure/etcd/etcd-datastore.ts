import type {
  Datastore,
  DatastoreHealth,
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
import type { EtcdCredentials } from './etcd-config.js';
import { EtcdConnection } from './etcd-connection.js';
import { bytes, rangeOf, revisionOf, storedValueOf, txnOutcome, txnRequest } from './etcd-messages.js';
import { EtcdWatch } from './etcd-watch.js';

/** Keys in one reply to a list: at a kilobyte each, well within a message, and within the deadline of one call. */
const PAGE_KEYS = 4_000;
const PROBED_KEY = bytes('/corduroy/v1/');

export interface EtcdOptions {
  readonly endpoints: readonly string[];
  readonly credentials: EtcdCredentials;
  readonly log: Logger;
  readonly deadlineMs?: number;
  /** How often etcd is asked for its revision while all is well; 10 s if absent. Otherwise every second. */
  readonly probeMs?: number;
}

/** The store of a cluster. A list has the deadline for each of its pages. */
export class EtcdDatastore implements Datastore {
  readonly #connection: EtcdConnection;
  readonly #log: Logger;
  readonly #watches = new Set<EtcdWatch>();
  readonly #probeMs: number;
  /** Resolves after etcd was asked for the first time, whatever came of it. */
  readonly asked: Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  #closed: boolean;

  constructor({ endpoints, credentials, log, deadlineMs = CALL_DEADLINE_MS, probeMs = 10_000 }: EtcdOptions) {
    this.#connection = new EtcdConnection({ endpoints, credentials, log, deadlineMs });
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
    const { key: first, range_end } = rangeOf(prefix);
    const items: StoredValue[] = [];
    let revision: Revision | undefined;
    for (let key = first; ; ) {
      const request = { key, range_end, limit: PAGE_KEYS, ...(revision !== undefined && { revision }) };
      const page = await this.#connection.call('always', ({ kv }, options) => kv.range(request, options));
      // The first page fixes the revision that all are read at; a compaction in between is an error, and tried again.
      revision ??= revisionOf(page.header.revision);
      items.push(...page.kvs.map(storedValueOf));
      const last = page.kvs.at(-1);
      if (!page.more || last === undefined) return { items, revision };
      key = Buffer.concat([last.key, Buffer.from([0])]);
    }
  }

  async transact(transaction: Transaction): Promise<TransactionOutcome> {
    checkTransaction(transaction);
    const request = txnRequest(transaction);
    return txnOutcome(await this.#connection.call('ifNeverSent', ({ kv }, options) => kv.txn(request, options)));
  }

  watch(prefix: string, listener: (update: WatchUpdate) => void): Watch {
    const list = () => this.list(prefix);
    const watch = new EtcdWatch({ connection: this.#connection, prefix, list, listener, log: this.#log });
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
