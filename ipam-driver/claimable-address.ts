import { type Block, BlockRecord, blockKey } from '../src/model/block.js';
import { type Cidr, prefixLengthOf } from '../src/model/cidr.js';
import { isChoosable } from './address-rules.js';
import { emptyBlock, isVacantSince, nextFresh } from './block.js';
import { type BlockRequest, blockOrder, likelyBlocks } from './block-order.js';
import { type Choice, type CoolingRules, chooseUnused, coolBy, type Place } from './choose-address.js';
import type { Draft } from './draft.js';

/** A subnet with so many places for blocks has all its blocks read at once. */
const FEW_PLACES = 64;
/** A block that was claimed later than this is about to be used, however empty it is. */
const CLAIM_GRACE_MS = 60_000;

/** What a node looks for that may claim another block. */
export interface ClaimSearch {
  readonly place: Place;
  readonly rules: CoolingRules;
  /** The last of its blocks in the subnet: a new one comes next to it. */
  readonly after: Cidr | undefined;
}

/** An address of a block that nobody has, found without a look at all of them. */
export async function findFree(draft: Draft, search: ClaimSearch): Promise<Choice | undefined> {
  const { place, rules } = search;
  const { subnet, blockLength, range } = place;
  if (2 ** (blockLength - prefixLengthOf(range ?? subnet)) <= FEW_PLACES) return undefined;
  for (const likely of likelyBlocks(blockRequest(search))) {
    const keys = likely.map((cidr) => blockKey(subnet, cidr));
    const there = new Map((await draft.readAll(BlockRecord, keys)).map((block) => [block.cidr, block]));
    const free = likely.flatMap((cidr) => {
      const block = there.get(cidr);
      if (block !== undefined) return block.node === undefined ? [block] : [];
      return draft.exists(blockKey(subnet, cidr)) ? [] : [emptyBlock({ cidr, subnet })];
    });
    const choice = chooseUnused(free, place, rules);
    if (choice !== undefined) return choice;
  }
  return undefined;
}

/**
 * An address of a block that nobody has, of a new one, or of one whose node has left it empty.
 *
 * @param blocks all that the subnet has but for this node's own, of which the draft has read the list
 */
export function findClaimable(
  draft: Draft,
  search: ClaimSearch,
  blocks: { readonly unclaimed: readonly Block[]; readonly others: readonly Block[] },
): Choice | undefined {
  const { place, rules } = search;
  return (
    chooseUnused(blocks.unclaimed, place, rules) ??
    findNew(draft, search) ??
    chooseUnused(abandoned(blocks.others, rules), place, rules)
  );
}

function findNew(draft: Draft, search: ClaimSearch): Choice | undefined {
  const { place } = search;
  for (const cidr of blockOrder(blockRequest(search))) {
    if (draft.exists(blockKey(place.subnet, cidr))) continue;
    const block = emptyBlock({ cidr, subnet: place.subnet });
    const address = nextFresh(block, (candidate) => isChoosable(candidate, place));
    if (address !== undefined) return { block, address };
  }
  return undefined;
}

function abandoned(blocks: readonly Block[], rules: CoolingRules): readonly Block[] {
  const settled = new Date(rules.now.getTime() - CLAIM_GRACE_MS);
  return blocks.filter(
    (block) =>
      isVacantSince(block, coolBy(rules)) && (block.claimedAt === undefined || new Date(block.claimedAt) <= settled),
  );
}

const blockRequest = ({ place, rules, after }: ClaimSearch): BlockRequest => ({
  within: place.range ?? place.subnet,
  blockLength: place.blockLength,
  node: rules.node,
  after,
});
