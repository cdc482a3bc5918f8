import type { Usage } from '../src/effects/ipam-admin.js';
import type { Block } from '../src/model/block.js';
import { addressAt, type Cidr, contains, sizeOf } from '../src/model/cidr.js';

export const NO_USAGE: Omit<Usage, 'size' | 'free'> = { assigned: 0n, cooling: 0n, reserved: 0n, borrowed: 0n };

/** What of `within` is in use, by the blocks that lie in it. Blocks that are not there are free. */
export function usageOf(within: Cidr, blocks: Iterable<Block>): Usage {
  let { assigned, cooling, reserved, borrowed } = NO_USAGE;
  for (const block of blocks) {
    const inside = (ordinal: number): boolean => contains(within, addressAt(block.cidr, ordinal));
    for (const [ordinal, allocation] of block.allocations) {
      if (!inside(ordinal)) continue;
      if (allocation.state === 'reserved') reserved++;
      else assigned++;
      if (allocation.state !== 'reserved' && allocation.node !== block.node) borrowed++;
    }
    for (const { ordinal } of block.cooling) if (inside(ordinal)) cooling++;
  }
  const size = sizeOf(within);
  return { size, assigned, cooling, reserved, borrowed, free: size - assigned - cooling - reserved };
}
