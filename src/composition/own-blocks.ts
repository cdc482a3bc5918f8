import type { ClusterBlocks } from '../effects/cluster-blocks.js';
import type { HeldBlocks } from '../effects/held-blocks.js';
import type { BlockHolders } from '../model/block.js';
import type { Cidr } from '../model/cidr.js';
import type { NodeName } from '../model/ids.js';
import type { Route } from '../model/route.js';

const NONE: ReadonlyMap<Cidr, BlockHolders> = new Map();

/** The blocks in which this node has something, out of those of all nodes. */
export class OwnBlocks implements HeldBlocks {
  readonly #source: ClusterBlocks;
  readonly #node: NodeName;
  /** By subnet and block. */
  readonly #held = new Map<Cidr, Map<Cidr, BlockHolders>>();
  readonly #listeners = new Set<() => void>();

  constructor({ blocks, node }: { readonly blocks: ClusterBlocks; readonly node: NodeName }) {
    this.#source = blocks;
    this.#node = node;
    for (const block of blocks.blocks()) this.#put(block);
    blocks.subscribe(({ before, after }) => {
      if (before !== undefined) this.#delete(before);
      if (after !== undefined) this.#put(after);
      if (!this.#isOurs(before) && !this.#isOurs(after)) return;
      for (const listener of this.#listeners) listener();
    });
  }

  ready(): Promise<void> {
    return this.#source.ready();
  }

  get clusterSize(): number {
    return this.#source.size;
  }

  get unreadable(): ReadonlySet<string> {
    return this.#source.unreadable;
  }

  in(subnet: Cidr): Iterable<Cidr> {
    return (this.#held.get(subnet) ?? NONE).keys();
  }

  subnets(): Iterable<Cidr> {
    return this.#held.keys();
  }

  of(node: NodeName): ReadonlyMap<Cidr, readonly Cidr[]> {
    const held = new Map<Cidr, Cidr[]>();
    for (const block of this.#source.blocks()) {
      if (!isHeldBy(node, block)) continue;
      const blocks = held.get(block.subnet) ?? [];
      held.set(block.subnet, blocks);
      blocks.push(block.cidr);
    }
    return held;
  }

  *nodesIn(subnet: Cidr): Generator<NodeName> {
    for (const block of this.#source.blocks()) {
      if (block.subnet === subnet && block.node !== undefined) yield block.node;
    }
  }

  /** Of the blocks with an affinity to this node: what nobody in them holds must not leave by the default route. */
  blackholes(): readonly Route[] {
    return [...this.#held.values()]
      .flatMap((blocks) => [...blocks.values()])
      .filter((block) => this.#isOurs(block))
      .map(({ cidr }) => ({ kind: 'blackhole', destination: cidr }));
  }

  /** Called when the blocks with an affinity to this node may have changed. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #isOurs(block: BlockHolders | undefined): boolean {
    return block?.node === this.#node;
  }

  #put(block: BlockHolders): void {
    if (!isHeldBy(this.#node, block)) return;
    const blocks = this.#held.get(block.subnet) ?? new Map<Cidr, BlockHolders>();
    this.#held.set(block.subnet, blocks.set(block.cidr, block));
  }

  #delete({ subnet, cidr }: BlockHolders): void {
    const blocks = this.#held.get(subnet);
    blocks?.delete(cidr);
    if (blocks?.size === 0) this.#held.delete(subnet);
  }
}

const isHeldBy = (node: NodeName, { node: owner, guests }: BlockHolders): boolean =>
  owner === node || [...guests.values()].includes(node);
