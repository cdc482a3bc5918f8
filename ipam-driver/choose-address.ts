import type { Block } from '../src/model/block.js';
import { type Cidr, overlaps } from '../src/model/cidr.js';
import { type NodeName, shortHash } from '../src/model/ids.js';
import type { IpAddress } from '../src/model/ip-address.js';
import { isChoosable } from './address-rules.js';
import { type CoolingAddress, coolingAddress, nextFresh } from './block.js';

/** Where a container's address is to come from. */
export interface Place {
  readonly subnet: Cidr;
  readonly blockLength: number;
  readonly range?: Cidr | undefined;
}

export interface CoolingRules {
  readonly node: NodeName;
  readonly now: Date;
  readonly cooldownMs: number;
  /** Has this node's kernel forgotten it? May be asked of many. */
  isQuiet(address: IpAddress): boolean;
}

export const coolBy = ({ now, cooldownMs }: CoolingRules): Date => new Date(now.getTime() - cooldownMs);

export interface Choice {
  readonly block: Block;
  readonly address: IpAddress;
}

/** How many freed addresses, from the longest freed on, are asked about before another block is tried. */
const ASKED_AT_ONCE = 8;

/**
 * The next address of these blocks: one that nobody has had yet, or else the longest freed that is cool and quiet. Of one
 * that another node had only the time is known.
 */
export function chooseUnused(blocks: readonly Block[], place: Place, rules: CoolingRules): Choice | undefined {
  for (const block of blocks) {
    const address = nextFresh(block, (candidate) => isChoosable(candidate, place));
    if (address !== undefined) return { block, address };
  }
  let asked = 0;
  for (const freed of longestFreed(blocks, place, coolBy(rules))) {
    if (++asked > ASKED_AT_ONCE) break;
    if (freed.node !== rules.node || rules.isQuiet(freed.address)) return freed;
  }
  return undefined;
}

/** When nothing else is left: the longest freed that this node had and that is quiet, though its time is not up. */
export function chooseCooling(blocks: readonly Block[], place: Place, rules: CoolingRules): Choice | undefined {
  for (const freed of longestFreed(blocks, place)) {
    if (freed.node === rules.node && rules.isQuiet(freed.address)) return freed;
  }
  return undefined;
}

/**
 * All that would do if the kernel had forgotten it, the longest freed first. There may be thousands, of which the first
 * few are wanted. @param until only those freed by then
 */
export function* longestFreed(
  blocks: readonly Block[],
  place: Place,
  until?: Date,
): Generator<Choice & CoolingAddress> {
  // Times in ISO 8601, UTC, are in order as texts.
  const latest = until?.toISOString();
  const freed = blocks.flatMap((block) =>
    block.cooling
      .filter(({ releasedAt }) => latest === undefined || releasedAt <= latest)
      .map((cooling) => ({ block, cooling })),
  );
  freed.sort((a, b) => (a.cooling.releasedAt < b.cooling.releasedAt ? -1 : 1));
  for (const { block, cooling } of freed) {
    const address = coolingAddress(block, cooling);
    if (isChoosable(address.address, place)) yield { block, ...address };
  }
}

/** Blocks that can hold an address for the place. */
export const usableBlocks = (blocks: readonly Block[], { range }: Place): readonly Block[] =>
  range === undefined ? blocks : blocks.filter(({ cidr }) => overlaps(cidr, range));

/** Those that nobody has, and those of other nodes than `node`. */
export const sortBlocks = (
  blocks: readonly Block[],
  node: NodeName,
): { readonly unclaimed: readonly Block[]; readonly others: readonly Block[] } => ({
  unclaimed: blocks.filter((block) => block.node === undefined),
  others: inOrderOf(
    node,
    blocks.filter((block) => block.node !== undefined && block.node !== node),
  ),
});

/** An order of the node's own, so that nodes that borrow do not all meet in one block. */
const inOrderOf = (node: NodeName, blocks: readonly Block[]): readonly Block[] =>
  blocks
    .map((block) => ({ block, turn: shortHash(`${node} ${block.cidr}`, 8) }))
    .sort((a, b) => (a.turn < b.turn ? -1 : 1))
    .map(({ block }) => block);
