import type { Block } from '../src/model/block.js';
import { type Cidr, overlaps } from '../src/model/cidr.js';
import type { NodeName } from '../src/model/ids.js';
import type { IpAddress } from '../src/model/ip-address.js';
import { isChoosable } from './address-rules.js';
import { coolingAddresses, nextFresh } from './block.js';

/** Where a container's address is to come from. */
export interface Place {
  readonly subnet: Cidr;
  readonly blockLength: number;
  readonly range?: Cidr | undefined;
}

export interface CoolingRules {
  readonly now: Date;
  readonly cooldownMs: number;
  /** Has the kernel forgotten it? May be asked of many. */
  isQuiet(address: IpAddress): boolean;
}

export interface Choice {
  readonly block: Block;
  readonly address: IpAddress;
}

/** How many freed addresses, from the longest freed on, are asked about before another block is tried. */
const ASKED_AT_ONCE = 8;

/** The next address of these blocks: one that nobody has had yet, or else the longest freed that is cool and quiet. */
export function chooseUnused(blocks: readonly Block[], place: Place, rules: CoolingRules): Choice | undefined {
  for (const block of blocks) {
    const address = nextFresh(block, (candidate) => isChoosable(candidate, place));
    if (address !== undefined) return { block, address };
  }
  const cool = longestFreed(blocks, place, new Date(rules.now.getTime() - rules.cooldownMs));
  return cool.slice(0, ASKED_AT_ONCE).find(({ address }) => rules.isQuiet(address));
}

/** When nothing else is left: the longest freed that is quiet, though its time is not up. */
export function chooseCooling(blocks: readonly Block[], place: Place, rules: CoolingRules): Choice | undefined {
  return longestFreed(blocks, place).find(({ address }) => rules.isQuiet(address));
}

/** All that would do if the kernel had forgotten it, the longest freed first. @param until only those freed by then */
export function longestFreed(
  blocks: readonly Block[],
  place: Place,
  until?: Date,
): readonly (Choice & { readonly releasedAt: Date })[] {
  return blocks
    .flatMap((block) => coolingAddresses(block, until).map((cooling) => ({ block, ...cooling })))
    .filter(({ address }) => isChoosable(address, place))
    .sort((a, b) => a.releasedAt.getTime() - b.releasedAt.getTime());
}

/** Blocks that can hold an address for the place, those of `node` apart from the others. */
export function sortBlocks(
  blocks: readonly Block[],
  place: Place,
  node: NodeName,
): { readonly own: readonly Block[]; readonly unclaimed: readonly Block[]; readonly others: readonly Block[] } {
  const { range } = place;
  const usable = range === undefined ? blocks : blocks.filter(({ cidr }) => overlaps(cidr, range));
  return {
    own: usable.filter((block) => block.node === node),
    unclaimed: usable.filter((block) => block.node === undefined),
    others: usable.filter((block) => block.node !== undefined && block.node !== node),
  };
}
