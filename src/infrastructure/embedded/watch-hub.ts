import type { Change, Listing, Revision, Watch, WatchUpdate } from '../../effects/datastore.js';
import type { Logger } from '../../effects/logger.js';

interface Watcher {
  readonly prefix: string;
  readonly listener: (update: WatchUpdate) => void;
  readonly queue: WatchUpdate[];
}

/**
 * Hands the changes of a store in this process to its watchers: never from within `watch` or `publish`, but in a
 * microtask after, in order. A listener that throws is logged, and goes on being told.
 */
export class WatchHub {
  readonly #watchers = new Set<Watcher>();
  readonly #list: (prefix: string) => Listing;
  readonly #log: Logger;
  #held: boolean;

  constructor(options: { readonly list: (prefix: string) => Listing; readonly log: Logger }) {
    this.#list = options.list;
    this.#log = options.log;
    this.#held = false;
  }

  watch(prefix: string, listener: (update: WatchUpdate) => void): Watch {
    const watcher: Watcher = { prefix, listener, queue: [] };
    this.#watchers.add(watcher);
    this.#enqueueSnapshot(watcher);
    return {
      close: async () => {
        this.#watchers.delete(watcher);
      },
    };
  }

  /** @param changes in order, not empty; the store shows them already */
  publish(changes: readonly Change[], revision: Revision): void {
    for (const watcher of this.#watchers) {
      const own = changes.filter(({ key }) => key.startsWith(watcher.prefix));
      if (own.length > 0) this.#enqueue(watcher, { kind: 'changes', changes: own, revision });
    }
  }

  /** Forgets what was not handed over yet; every watcher begins anew with a snapshot. */
  resync(): void {
    for (const watcher of this.#watchers) {
      watcher.queue.length = 0;
      this.#enqueueSnapshot(watcher);
    }
  }

  /** Keeps updates back until `release`. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    for (const watcher of this.#watchers) queueMicrotask(() => this.#deliver(watcher));
  }

  close(): void {
    this.#watchers.clear();
  }

  #enqueueSnapshot(watcher: Watcher): void {
    this.#enqueue(watcher, { kind: 'snapshot', ...this.#list(watcher.prefix) });
  }

  #enqueue(watcher: Watcher, update: WatchUpdate): void {
    watcher.queue.push(update);
    queueMicrotask(() => this.#deliver(watcher));
  }

  #deliver(watcher: Watcher): void {
    for (;;) {
      if (this.#held || !this.#watchers.has(watcher)) return;
      const update = watcher.queue.shift();
      if (update === undefined) return;
      try {
        watcher.listener(update);
      } catch (error) {
        this.#log.error({ err: error, prefix: watcher.prefix }, 'a watch listener failed');
      }
    }
  }
}
