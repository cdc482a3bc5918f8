import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { FollowUpdate, Listing, Revision, Watch } from '../../effects/datastore.js';
import type { Logger } from '../../effects/logger.js';
import { describeError } from '../../model/errors.js';
import type { EtcdConnection } from './etcd-connection.js';
import { PrefixStream } from './watch-stream.js';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
/** Records that are handed over in one turn of the event loop: some 5 ms of work for who reads them. */
const PART_ITEMS = 250;

export interface EtcdWatchOptions {
  readonly connection: EtcdConnection;
  readonly prefixes: readonly string[];
  /** All that is under the prefixes, at one revision. */
  readonly pages: () => AsyncIterable<Listing>;
  /** The next part of a snapshot waits for what it returns. */
  readonly listener: (update: FollowUpdate) => void | Promise<void>;
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
    const { prefixes, log } = this.#options;
    let pauseMs = FIRST_PAUSE_MS;
    while (!this.#closing.signal.aborted) {
      const startedAt = Date.now();
      const reason = await this.#listAndWatch().catch(describeError);
      if (this.#closing.signal.aborted) return;
      log.debug({ prefixes, reason, pauseMs }, 'a watch ended and begins anew');
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
    const { connection, prefixes } = this.#options;
    const revision = await this.#tellSnapshot();
    if (revision === undefined) return 'closed';
    this.#stream = new PrefixStream({
      stream: await connection.watchStream(),
      prefixes,
      from: revision + 1,
      createdWithinMs: connection.deadlineMs,
      onChanges: (changes, at) => void this.#tell({ kind: 'changes', changes, revision: at }),
    });
    if (this.#closing.signal.aborted) this.#stream.stop('closed');
    return this.#stream.ended;
  }

  /** The event loop has its turn between parts. @returns the snapshot's revision; undefined: closed meanwhile */
  async #tellSnapshot(): Promise<Revision | undefined> {
    let revision: Revision | undefined;
    for await (const page of this.#options.pages()) {
      const part = { kind: 'part', revision: page.revision, last: false } as const;
      if (revision === undefined) await this.#tell({ ...part, items: [], first: true });
      revision = page.revision;
      for (let from = 0; from < page.items.length; from += PART_ITEMS) {
        if (this.#closing.signal.aborted) return undefined;
        await this.#tell({ ...part, items: page.items.slice(from, from + PART_ITEMS), first: false });
        await nextTurn();
      }
    }
    if (this.#closing.signal.aborted || revision === undefined) return undefined;
    await this.#tell({ kind: 'part', items: [], revision, first: false, last: true });
    return revision;
  }

  async #tell(update: FollowUpdate): Promise<void> {
    const { listener, log, prefixes } = this.#options;
    try {
      await listener(update);
    } catch (error) {
      log.error({ err: error, prefixes }, 'a watch listener failed');
    }
  }
}
