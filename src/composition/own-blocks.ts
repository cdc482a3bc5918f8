import type { ClusterBlocks } from '../effects/cluster-blocks.js';
import type { BlockHolders } from '../model/block.js';
import type { NodeName } from '../model/ids.js';
import type { Route } from '../model/route.js';

/** The blocks that have an affinity to this node: what nobody in them holds must not leave by the default route. */
export class OwnBlocks {
  readonly #blocks = new Map<string, BlockHolders>();
  readonly #listeners = new Set<() => void>();
  readonly #ready: Promise<void>;

  constructor({ blocks, node }: { readonly blocks: ClusterBlocks; readonly node: NodeName }) {
    this.#ready = blocks.ready();
    const isOurs = (block: BlockHolders | undefined) => block?.node === node;
    for (const block of blocks.blocks()) if (isOurs(block)) this.#blocks.set(block.cidr, block);
    blocks.subscribe(({ before, after }) => {
      if (!isOurs(before) && !isOurs(after)) return;
      if (before !== undefined) this.#blocks.delete(before.cidr);
      if (after !== undefined && isOurs(after)) this.#blocks.set(after.cidr, after);
      for (const listener of this.#listeners) listener();
    });
  }

  /** Resolves at the first snapshot. */
  ready(): Promise<void> {
    return this.#ready;
  }

  blackholes(): readonly Route[] {
    return [...this.#blocks.values()].map(({ cidr }) => ({ kind: 'blackhole', destination: cidr }));
  }

  /** Called when the blocks may have changed. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
