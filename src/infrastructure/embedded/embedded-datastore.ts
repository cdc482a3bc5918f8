import type {
  Change,
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
import type { Logger } from '../../effects/logger.js';
import { DatastoreUnavailableError, describeError } from '../../model/errors.js';
import { CALL_DEADLINE_MS, withDeadline } from '../deadline.js';
import { wholeSnapshots } from '../whole-snapshots.js';
import type { Disk } from './disk.js';
import { evaluate } from './evaluate.js';
import { KeyIndex } from './key-index.js';
import { Overlay } from './overlay.js';
import { WatchHub } from './watch-hub.js';

interface Pending {
  readonly transaction: Transaction;
  readonly resolve: (outcome: TransactionOutcome) => void;
  readonly reject: (error: unknown) => void;
  /** Its caller was told that the deadline has passed. */
  abandoned: boolean;
}

export interface EmbeddedOptions {
  /** Named in errors. */
  readonly directory: string;
  /** Called at once, and again after a write has failed. */
  readonly openDisk: () => Promise<Disk>;
  readonly log: Logger;
  readonly deadlineMs?: number;
  /** How long after a failure the disk is tried again; 1 s if absent. */
  readonly retryMs?: number;
}

/**
 * The store of one host, in this process: everything in memory, every commit on disk before it is told.
 *
 * One write is under way at a time; the transactions that come meanwhile share the next. A write that fails leaves open
 * what is on disk, so the disk is opened and read anew before the next transaction, and watches get a new snapshot.
 */
export class EmbeddedDatastore implements Datastore {
  readonly #options: EmbeddedOptions;
  readonly #deadlineMs: number;
  readonly #hub: WatchHub;
  #index: KeyIndex;
  /** Undefined: a write has failed, and the next transaction opens it anew. */
  #disk: Disk | undefined;
  #outage: { readonly reason: string; readonly since: Date } | undefined;
  #queue: Pending[] = [];
  #flushing: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed: boolean;

  /** @throws DatastoreUnavailableError if the disk cannot be opened or read */
  static async open(options: EmbeddedOptions): Promise<EmbeddedDatastore> {
    return new EmbeddedDatastore(options, await openAndLoad(options));
  }

  private constructor(options: EmbeddedOptions, { disk, index }: { readonly disk: Disk; readonly index: KeyIndex }) {
    this.#options = options;
    this.#deadlineMs = options.deadlineMs ?? CALL_DEADLINE_MS;
    this.#disk = disk;
    this.#index = index;
    this.#hub = new WatchHub({ list: (prefix) => this.#index.list(prefix), log: options.log });
    this.#closed = false;
  }

  async get(key: string): Promise<StoredValue | undefined> {
    this.#requireAvailable();
    return this.#index.get(key);
  }

  async list(prefix: string): Promise<Listing> {
    this.#requireAvailable();
    return this.#index.list(prefix);
  }

  async transact(transaction: Transaction): Promise<TransactionOutcome> {
    if (this.#closed) throw this.#closedError();
    let pending: Pending | undefined;
    const outcome = new Promise<TransactionOutcome>((resolve, reject) => {
      pending = { transaction, resolve, reject, abandoned: false };
      this.#queue.push(pending);
    });
    // In a microtask: what is asked in one turn of the loop shares one write.
    this.#flushing ??= Promise.resolve().then(() => this.#flush());
    return withDeadline(outcome, this.#deadlineMs, () => {
      if (pending !== undefined) pending.abandoned = true;
      return this.#fail(new Error(`its disk has not answered for ${this.#deadlineMs} ms`));
    });
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

  /** What was asked before is finished first. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#hub.close();
    clearTimeout(this.#retry);
    await this.#flushing;
    await this.#disk?.close();
    this.#disk = undefined;
  }

  /** Never rejects. The only place that writes or opens the disk, and one at a time. */
  async #flush(): Promise<void> {
    do {
      const batch = this.#queue.filter(({ abandoned }) => !abandoned);
      this.#queue = [];
      try {
        await this.#commit(batch);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    } while (this.#queue.length > 0);
    this.#flushing = undefined;
  }

  async #commit(batch: readonly Pending[]): Promise<void> {
    const disk = this.#disk ?? (await this.#reopen());
    const staged = new Overlay(this.#index);
    const changes: Change[] = [];
    const answers: (() => void)[] = [];
    for (const { transaction, resolve, reject } of batch) {
      try {
        const evaluation = evaluate(transaction, staged);
        const { outcome } = evaluation;
        if (outcome.kind === 'committed') staged.apply(evaluation.changes, outcome.revision);
        changes.push(...evaluation.changes);
        answers.push(() => resolve(outcome));
      } catch (error) {
        reject(error);
      }
    }
    if (changes.length > 0) await this.#write(disk, staged, changes);
    for (const answer of answers) answer();
  }

  async #write(disk: Disk, staged: Overlay, changes: readonly Change[]): Promise<void> {
    const { revision } = staged;
    try {
      await disk.write(staged.changes, revision);
    } catch (cause) {
      this.#disk = undefined;
      await disk.close().catch(() => undefined);
      this.#retryLater();
      throw this.#fail(cause);
    }
    this.#index.apply(changes, revision);
    this.#hub.publish(changes, revision);
    this.#recovered();
  }

  /** So that reads and watches come back though nobody writes. */
  #retryLater(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      if (!this.#closed && this.#disk === undefined) this.#flushing ??= this.#flush();
    }, this.#options.retryMs ?? 1_000).unref();
  }

  #recovered(): void {
    if (this.#outage === undefined) return;
    this.#outage = undefined;
    this.#options.log.info({ directory: this.#options.directory }, 'the datastore is available again');
  }

  async #reopen(): Promise<Disk> {
    try {
      const { disk, index } = await openAndLoad(this.#options);
      this.#disk = disk;
      this.#index = index;
    } catch (cause) {
      this.#retryLater();
      throw this.#fail(cause);
    }
    this.#recovered();
    this.#hub.resync();
    return this.#disk;
  }

  /** @returns what the callers get: the disk's own complaint where it is one that people can act on */
  #fail(cause: unknown): DatastoreUnavailableError {
    const error = cause instanceof DatastoreUnavailableError ? cause : this.#unavailable(describeError(cause), cause);
    if (this.#outage === undefined) this.#options.log.error({ err: error }, 'the datastore is not available');
    this.#outage = { reason: error.message, since: this.#outage?.since ?? new Date() };
    return error;
  }

  #requireAvailable(): void {
    if (this.#closed) throw this.#closedError();
    if (this.#outage !== undefined) throw new DatastoreUnavailableError(this.#outage.reason);
  }

  #unavailable(reason: string, cause: unknown): DatastoreUnavailableError {
    return new DatastoreUnavailableError(
      `the datastore in ${this.#options.directory} does not answer: ${reason}; see that its disk works and has room`,
      { cause },
    );
  }

  #closedError(): DatastoreUnavailableError {
    return new DatastoreUnavailableError(
      `the datastore in ${this.#options.directory} is closed: the daemon is stopping; try again when it runs`,
    );
  }
}

async function openAndLoad({ openDisk }: EmbeddedOptions): Promise<{ readonly disk: Disk; readonly index: KeyIndex }> {
  const disk = await openDisk();
  try {
    const { items, revision } = await disk.load();
    const index = new KeyIndex(revision);
    index.apply(
      items.map((item) => ({ kind: 'put', ...item })),
      revision,
    );
    return { disk, index };
  } catch (error) {
    await disk.close().catch(() => undefined);
    throw error;
  }
}
