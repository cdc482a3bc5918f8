import type { Change, FollowUpdate, Listing, Revision, Watch } from '../../effects/datastore.js';
import type { Logger } from '../../effects/logger.js';

interface Watcher {
  readonly prefixes: readonly string[];
  readonly listener: (update: FollowUpdate) => void;
  readonly queue: FollowUpdate[];
}

/**
 * Hands the changes of a store in this process to its watchers: never from within `follow` or `publish`, but in a
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

  follow(prefixes: readonly string[], listener: (update: FollowUpdate) => void): Watch {
    const watcher: Watcher = { prefixes, listener, queue: [] };
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
      const own = changes.filter(({ key }) => watcher.prefixes.some((prefix) => key.startsWith(prefix)));
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

  /** A part for each prefix; what is in memory already need not be handed over in smaller ones. */
  #enqueueSnapshot(watcher: Watcher): void {
    for (const [place, prefix] of watcher.prefixes.entries()) {
      const ends = { first: place === 0, last: place === watcher.prefixes.length - 1 };
      this.#enqueue(watcher, { kind: 'part', ...this.#list(prefix), ...ends });
    }
  }

  #enqueue(watcher: Watcher, update: FollowUpdate): void {
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
        this.#log.error({ err: error, prefixes: watcher.prefixes }, 'a watch listener failed');
      }
    }
  }
}
