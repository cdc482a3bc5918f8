import type { HeldBlocks } from '../src/effects/held-blocks.js';
import { type Block, BlockRecord, blockKey } from '../src/model/block.js';
import type { Cidr } from '../src/model/cidr.js';
import type { NodeName } from '../src/model/ids.js';
import type { Draft } from './draft.js';

/**
 * Where this node's addresses are, and others', so that they are found without a look at the thousands of blocks of all
 * nodes: what is heard of them, and what this node has claimed since.
 */
export class OwnBlocks {
  readonly #held: HeldBlocks;
  readonly #claimed = new Map<Cidr, Set<Cidr>>();

  constructor(held: HeldBlocks) {
    this.#held = held;
  }

  /** It may be the node's, or not at all: whoever reads it will see. */
  mayHave({ subnet, cidr }: Pick<Block, 'subnet' | 'cidr'>): void {
    const claimed = this.#claimed.get(subnet) ?? new Set();
    this.#claimed.set(subnet, claimed.add(cidr));
  }

  /**
   * Blocks of the subnet in which this node may have something, sorted by key; those that cannot be read are left out.
   *
   * @param more blocks that are wanted too
   */
  async in(draft: Draft, subnet: Cidr, more: readonly Cidr[] = []): Promise<readonly Block[]> {
    await this.#held.ready();
    const cidrs = new Set([...this.#held.in(subnet), ...(this.#claimed.get(subnet) ?? []), ...more]);
    return draft.readAll(
      BlockRecord,
      [...cidrs].map((cidr) => blockKey(subnet, cidr)),
    );
  }

  /** Blocks in which another node has something, by subnet; as heard. */
  async of(node: NodeName): Promise<ReadonlyMap<Cidr, readonly Cidr[]>> {
    await this.#held.ready();
    return this.#held.of(node);
  }

  /** Some of the nodes with blocks in the subnet; as heard. @param most how many */
  async someNodesIn(subnet: Cidr, most: number): Promise<ReadonlySet<NodeName>> {
    await this.#held.ready();
    const nodes = new Set<NodeName>();
    for (const node of this.#held.nodesIn(subnet)) {
      if (nodes.add(node).size === most) break;
    }
    return nodes;
  }
}
