import type { HeldBlocks } from '../src/effects/held-blocks.js';
import { type Block, BlockRecord, blockKey } from '../src/model/block.js';
import type { Cidr } from '../src/model/cidr.js';
import type { Draft } from './draft.js';

/**
 * Where this node's addresses are, so that they are found without a look at the thousands of blocks of all nodes: what
 * is heard of them, and what this node has claimed since.
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

  /** Blocks of the subnet in which this node may have something, sorted by key; those that cannot be read are left out. */
  async in(draft: Draft, subnet: Cidr): Promise<readonly Block[]> {
    await this.#held.ready();
    const cidrs = new Set([...this.#held.in(subnet), ...(this.#claimed.get(subnet) ?? [])]);
    return draft.readAll(
      BlockRecord,
      [...cidrs].map((cidr) => blockKey(subnet, cidr)),
    );
  }
}
