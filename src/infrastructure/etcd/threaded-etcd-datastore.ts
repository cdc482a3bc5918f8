import { Worker } from 'node:worker_threads';
import type {
  Datastore,
  DatastoreHealth,
  FollowUpdate,
  Listing,
  StoredValue,
  Transaction,
  TransactionOutcome,
  Watch,
  WatchUpdate,
} from '../../effects/datastore.js';
import type { Leases } from '../../effects/leases.js';
import type { Logger } from '../../effects/logger.js';
import { DatastoreUnavailableError, describeError, InternalError } from '../../model/errors.js';
import { wholeSnapshots } from '../whole-snapshots.js';
import type { EtcdCalls, ThreadBeginning, ThreadReply, ThreadRequest } from './thread-messages.js';

/**
 * Megabytes for the thread's new objects, an eighth of the usual. What it reads goes on at once; but a page of etcd's that
 * was read takes 8 MB outside of the thread's heap until its few objects within are collected.
 */
const YOUNG_GENERATION_MB = 6;

const PROGRAM = new URL('./etcd-thread.js', import.meta.url);

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/**
 * etcd, spoken to by a thread of its own: gRPC takes as much processor time for a call as all else that the daemon does
 * for it, and what other hosts change must not hold up a call of Docker's. A thread that fails ends the process, as an
 * error that nobody caught.
 */
export class ThreadedEtcdDatastore implements Datastore {
  readonly #log: Logger;
  readonly #thread: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Map<number, (update: FollowUpdate) => void>();
  readonly #ended: Promise<void>;
  readonly leases: Leases = {
    grant: (ttlSeconds) => this.#call('grant', ttlSeconds),
    renew: (lease) => this.#call('renew', lease),
    revoke: (lease) => this.#call('revoke', lease),
    transact: (lease, transaction) => this.#call('transactLeased', lease, transaction),
  };
  #count = 0;
  #closed = false;
  #health: DatastoreHealth = { kind: 'unavailable', reason: 'it was not asked yet', since: new Date() };

  constructor(beginning: ThreadBeginning, log: Logger) {
    this.#log = log;
    this.#thread = new Worker(PROGRAM, {
      workerData: beginning,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    this.#thread.on('message', (reply: ThreadReply) => this.#take(reply));
    this.#thread.on('error', (cause) => {
      throw threadEnded(`failed (${describeError(cause)})`, cause);
    });
    this.#ended = new Promise((resolve) => {
      this.#thread.on('exit', () => resolve(this.#endedNow()));
    });
  }

  /** Resolves after etcd was asked for the first time, whatever came of it. */
  asked(): Promise<void> {
    return this.#call('asked');
  }

  get(key: string): Promise<StoredValue | undefined> {
    return this.#call('get', key);
  }

  list(prefix: string): Promise<Listing> {
    return this.#call('list', prefix);
  }

  transact(transaction: Transaction): Promise<TransactionOutcome> {
    return this.#call('transact', transaction);
  }

  watch(prefix: string, listener: (update: WatchUpdate) => void): Watch {
    return this.follow([prefix], wholeSnapshots(listener));
  }

  follow(prefixes: readonly string[], listener: (update: FollowUpdate) => void): Watch {
    const id = ++this.#count;
    this.#listeners.set(id, listener);
    this.#tell({ kind: 'follow', id, prefixes });
    return {
      close: async () => {
        if (!this.#listeners.delete(id) || this.#closed) return;
        await new Promise<unknown>((resolve, reject) => {
          this.#pending.set(id, { resolve, reject });
          this.#tell({ kind: 'unfollow', id });
        });
      },
    };
  }

  health(): DatastoreHealth {
    return this.#health;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    this.#tell({ kind: 'close' });
    await this.#ended;
  }

  #call<Method extends keyof EtcdCalls>(
    method: Method,
    ...words: Parameters<EtcdCalls[Method]>
  ): ReturnType<EtcdCalls[Method]> {
    const id = ++this.#count;
    const answered = new Promise<unknown>((resolve, reject) => {
      if (this.#closed) throw closed();
      this.#pending.set(id, { resolve, reject });
      this.#tell({ kind: 'call', id, method, words });
    });
    return answered as ReturnType<EtcdCalls[Method]>;
  }

  #tell(request: ThreadRequest): void {
    this.#thread.postMessage(request);
  }

  #take(reply: ThreadReply): void {
    switch (reply.kind) {
      case 'result':
        this.#settle(reply.id)?.resolve(reply.value);
        break;
      case 'failure':
        this.#settle(reply.id)?.reject(errorOf(reply));
        break;
      case 'update':
        this.#hand(reply.id, reply.update);
        break;
      case 'health':
        this.#health = reply.health;
        break;
      case 'log':
        this.#log[reply.level](reply.fields, reply.message);
        break;
    }
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #hand(id: number, update: FollowUpdate): void {
    try {
      this.#listeners.get(id)?.(update);
    } catch (error) {
      this.#log.error({ err: error }, 'a watch listener failed');
    }
    if (update.kind === 'part') setImmediate(() => this.#tell({ kind: 'taken', id }));
  }

  #endedNow(): void {
    for (const { reject } of this.#pending.values()) reject(closed());
    this.#pending.clear();
    if (!this.#closed) throw threadEnded('ended');
  }
}

const closed = (): DatastoreUnavailableError =>
  new DatastoreUnavailableError('the datastore is closed: this process is about to end');

const threadEnded = (how: string, cause?: unknown): InternalError =>
  new InternalError(
    `the thread that speaks to etcd ${how}, and this process ends with it: start it again if nothing else does; this is a mistake in corduroy, please report it`,
    { cause },
  );

const errorOf = ({ unavailable, message }: ThreadReply & { readonly kind: 'failure' }): Error =>
  unavailable ? new DatastoreUnavailableError(message) : new InternalError(message);
