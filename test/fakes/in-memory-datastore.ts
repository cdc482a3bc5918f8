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
  Write,
} from '../../src/effects/datastore.js';
import { silentLogger } from '../../src/effects/logger.js';
import { evaluate } from '../../src/infrastructure/embedded/evaluate.js';
import { KeyIndex } from '../../src/infrastructure/embedded/key-index.js';
import { WatchHub } from '../../src/infrastructure/embedded/watch-hub.js';
import { wholeSnapshots } from '../../src/infrastructure/whole-snapshots.js';
import { DatastoreUnavailableError } from '../../src/model/errors.js';
import { InMemoryLeases } from './in-memory-leases.js';

/**
 * A store in memory that behaves as the real ones do, watches included, and that can be told to misbehave. Watch
 * updates come a microtask after the write: `await` anything and they are there, unless held.
 */
export class InMemoryDatastore implements Datastore {
  readonly #index = new KeyIndex(1 as Revision);
  readonly #hub = new WatchHub({ list: (prefix) => this.#index.list(prefix), log: silentLogger });
  readonly leases = new InMemoryLeases({
    transact: (transaction) => this.transact(transaction),
    delete: (keys) => this.write(...keys.map((key) => ({ kind: 'delete' as const, key }))),
  });
  readonly #interferences: (readonly Write[])[] = [];
  readonly #failures: ('beforeCommit' | 'afterCommit')[] = [];
  readonly #deeds: (() => Promise<unknown>)[] = [];
  #outage: { readonly reason: string; readonly since: Date } | undefined;
  #transactions = 0;

  async get(key: string): Promise<StoredValue | undefined> {
    this.#requireAvailable();
    return this.#index.get(key);
  }

  async list(prefix: string): Promise<Listing> {
    this.#requireAvailable();
    return this.#index.list(prefix);
  }

  async transact(transaction: Transaction): Promise<TransactionOutcome> {
    this.#requireAvailable();
    this.#transactions += 1;
    // Taken first: what it does may itself be a transaction.
    await this.#deeds.shift()?.();
    const interference = this.#interferences.shift();
    if (interference !== undefined) this.write(...interference);
    const failure = this.#failures.shift();
    if (failure === 'beforeCommit') throw unavailable('the request was lost');
    const outcome = this.#commit(transaction);
    if (failure === 'afterCommit') throw unavailable('the reply was lost');
    return outcome;
  }

  watch(prefix: string, listener: (update: WatchUpdate) => void): Watch {
    return this.follow([prefix], wholeSnapshots(listener));
  }

  follow(prefixes: readonly string[], listener: (update: FollowUpdate) => void): Watch {
    return this.#hub.follow(prefixes, listener);
  }

  health(): DatastoreHealth {
    return this.#outage === undefined ? { kind: 'connected' } : { kind: 'unavailable', ...this.#outage };
  }

  async close(): Promise<void> {
    this.#hub.close();
  }

  /** Every call fails and watches fall silent, until `comeBack`. */
  goAway(reason = 'the fake was told to be away'): void {
    this.#outage ??= { reason, since: new Date() };
    this.#hub.hold();
  }

  /** Watches begin anew with a snapshot, as after a reconnection. */
  comeBack(): void {
    this.#outage = undefined;
    this.#hub.resync();
    this.#hub.release();
  }

  /** The next transaction throws DatastoreUnavailableError: without any effect, or though it was committed. */
  failNext(when: 'beforeCommit' | 'afterCommit'): void {
    this.#failures.push(when);
  }

  /** Another node writes these just before the next transaction: its compares on them fail. */
  interfereWithNext(...writes: readonly Write[]): void {
    this.#interferences.push(writes);
  }

  /** Something happens between the decision of the next transaction and its commit, as long as it takes. */
  beforeNextTransaction(deed: () => Promise<unknown>): void {
    this.#deeds.push(deed);
  }

  /** History is lost: watches begin anew with a snapshot. */
  compact(): void {
    this.#hub.resync();
  }

  /** Own commits still resolve; what watches would tell waits for `releaseWatches`. */
  holdWatches(): void {
    this.#hub.hold();
  }

  releaseWatches(): void {
    this.#hub.release();
  }

  /** As another node would: no failure told to this fake applies. */
  write(...writes: readonly Write[]): void {
    this.#commit({ compares: [], writes });
  }

  put(key: string, value: string): void {
    this.write({ kind: 'put', key, value });
  }

  /** Everything in the store, sorted by key. */
  contents(prefix = ''): ReadonlyMap<string, string> {
    return new Map(this.#index.list(prefix).items.map(({ key, value }) => [key, value]));
  }

  /** How often `transact` was called. */
  get transactionCount(): number {
    return this.#transactions;
  }

  #commit(transaction: Transaction): TransactionOutcome {
    const { outcome, changes } = evaluate(transaction, this.#index);
    if (outcome.kind === 'committed' && changes.length > 0) {
      this.#index.apply(changes, outcome.revision);
      this.#hub.publish(changes, outcome.revision);
    }
    return outcome;
  }

  #requireAvailable(): void {
    if (this.#outage !== undefined) throw unavailable(this.#outage.reason);
  }
}

const unavailable = (why: string): DatastoreUnavailableError =>
  new DatastoreUnavailableError(`the datastore in memory does not answer: ${why}; call comeBack()`);
