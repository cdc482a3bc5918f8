import { setTimeout as sleep } from 'node:timers/promises';
import type { Listing, Watch, WatchUpdate } from '../../effects/datastore.js';
import type { Logger } from '../../effects/logger.js';
import { describeError } from '../../model/errors.js';
import type { EtcdConnection } from './etcd-connection.js';
import { PrefixStream } from './watch-stream.js';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

export interface EtcdWatchOptions {
  readonly connection: EtcdConnection;
  readonly prefix: string;
  readonly list: () => Promise<Listing>;
  readonly listener: (update: WatchUpdate) => void;
  readonly log: Logger;
}

/**
 * Lists, watches from the revision after, and begins anew whenever the stream ends: the listener then gets a snapshot,
 * and never has to ask whether it missed something.
 */
export class EtcdWatch implements Watch {
  readonly #options: EtcdWatchOptions;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  #stream: PrefixStream | undefined;

  constructor(options: EtcdWatchOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** See PrefixStream.expect. */
  expect(storeRevision: number): void {
    this.#stream?.expect(storeRevision);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#stream?.stop('closed');
    await this.#running;
  }

  async #run(): Promise<void> {
    const { prefix, log } = this.#options;
    let pauseMs = FIRST_PAUSE_MS;
    while (!this.#closing.signal.aborted) {
      const startedAt = Date.now();
      const reason = await this.#listAndWatch().catch(describeError);
      if (this.#closing.signal.aborted) return;
      log.debug({ prefix, reason, pauseMs }, 'a watch ended and begins anew');
      pauseMs =
        Date.now() - startedAt > 2 * LONGEST_PAUSE_MS ? FIRST_PAUSE_MS : Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      // Half of it by chance, so that the nodes of a cluster do not all come back at one moment.
      await sleep(pauseMs * (0.5 + Math.random() / 2), undefined, { signal: this.#closing.signal, ref: false }).catch(
        () => undefined,
      );
    }
  }

  /** @returns why it ended; throws if it could not begin */
  async #listAndWatch(): Promise<string> {
    const { connection, prefix, list } = this.#options;
    const listing = await list();
    if (this.#closing.signal.aborted) return 'closed';
    this.#tell({ kind: 'snapshot', ...listing });
    this.#stream = new PrefixStream({
      stream: await connection.watchStream(),
      prefix,
      from: listing.revision + 1,
      createdWithinMs: connection.deadlineMs,
      onChanges: (changes, revision) => this.#tell({ kind: 'changes', changes, revision }),
    });
    if (this.#closing.signal.aborted) this.#stream.stop('closed');
    return this.#stream.ended;
  }

  #tell(update: WatchUpdate): void {
    const { listener, log, prefix } = this.#options;
    try {
      listener(update);
    } catch (error) {
      log.error({ err: error, prefix }, 'a watch listener failed');
    }
  }
}
