import type { Datastore, WatchUpdate } from '../effects/datastore.js';
import { BlockAffinityRecord } from '../model/block.js';
import type { Cidr } from '../model/cidr.js';
import { CorruptRecordError } from '../model/errors.js';
import type { NodeName } from '../model/ids.js';
import type { Route } from '../model/route.js';

/** The blocks that have an affinity to this node: what nobody in them holds must not leave by the default route. */
export class OwnBlocks {
  readonly #node: NodeName;
  readonly #blocks = new Map<string, Cidr>();
  readonly #listeners = new Set<() => void>();
  readonly #close: () => Promise<void>;
  readonly #ready: Promise<void>;

  constructor(options: { readonly datastore: Pick<Datastore, 'watch'>; readonly node: NodeName }) {
    this.#node = options.node;
    let told = (): void => {};
    this.#ready = new Promise((resolve) => {
      told = resolve;
    });
    const watch = options.datastore.watch(BlockAffinityRecord.prefix, (update) => {
      this.#learn(update);
      told();
    });
    this.#close = () => watch.close();
  }

  /** Resolves at the first snapshot. */
  ready(): Promise<void> {
    return this.#ready;
  }

  blackholes(): readonly Route[] {
    return [...this.#blocks.values()].map((destination) => ({ kind: 'blackhole', destination }));
  }

  /** Called when the blocks may have changed. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    return this.#close();
  }

  #learn(update: WatchUpdate): void {
    if (update.kind === 'snapshot') this.#blocks.clear();
    const told = update.kind === 'snapshot' ? update.items : update.changes;
    for (const item of told) {
      const cidr = 'value' in item ? this.#ours(item.key, item.value) : undefined;
      if (cidr === undefined) this.#blocks.delete(item.key);
      else this.#blocks.set(item.key, cidr);
    }
    for (const listener of this.#listeners) listener();
  }

  #ours(key: string, text: string): Cidr | undefined {
    try {
      const { cidr, node } = BlockAffinityRecord.decode(key, text);
      return node === this.#node ? cidr : undefined;
    } catch (error) {
      // Address management reports it.
      if (error instanceof CorruptRecordError) return undefined;
      throw error;
    }
  }
}
