import { type Block, BlockRecord, blocksPrefix } from '../src/model/block.js';
import type { ConflictError } from '../src/model/errors.js';
import type { IpAddress } from '../src/model/ip-address.js';
import type { IpamContext } from './allocation-context.js';
import { AddressesExhaustedError, QuietNeededError } from './allocation-errors.js';
import { claiming, mayClaim, ownBlocksIn, sharingRules } from './block-sharing.js';
import {
  type Choice,
  type CoolingRules,
  chooseCooling,
  chooseUnused,
  longestFreed,
  type Place,
  sortBlocks,
  usableBlocks,
} from './choose-address.js';
import { findClaimable, findFree } from './claimable-address.js';
import type { Draft } from './draft.js';
import { usageOf } from './usage.js';

/** Of freed addresses that the kernel has not forgotten, so many are waited for. */
const MOST_HOPES = 64;

/**
 * An address that nobody has: of this node's blocks, else of a block claimed now or taken over from a node that has
 * nothing in it, else borrowed from another node's block, else one whose cool-down is cut short.
 *
 * @throws QuietNeededError, AddressesExhaustedError
 */
export async function findAnyAddress(draft: Draft, context: IpamContext, place: Place): Promise<Choice> {
  const rules = coolingRules(context);
  const own = usableBlocks(await ownBlocksIn(draft, context, place.subnet), place);
  const easy = chooseUnused(own, place, rules);
  if (easy !== undefined) return easy;

  draft.requireFresh();
  const { strictAffinity, maxBlocksPerHost } = await sharingRules(draft);
  const claims = await mayClaim(draft, context, place.subnet);
  const search = { place, rules, after: own.at(-1)?.cidr };
  const soonFound = claims ? await findFree(draft, search) : undefined;
  if (soonFound !== undefined) return claiming(soonFound, context);

  const blocks = await draft.list(BlockRecord, blocksPrefix(place.subnet));
  const { unclaimed, others } = sortBlocks(usableBlocks(blocks, place), context.node);
  const claimable = claims ? findClaimable(draft, search, { unclaimed, others }) : undefined;
  if (claimable !== undefined) return claiming(claimable, context);
  const borrowed = strictAffinity ? undefined : chooseUnused(others, place, rules);
  const reachable = [...own, ...(claims ? unclaimed : []), ...(strictAffinity ? [] : others)];
  const last = borrowed ?? chooseCooling(reachable, place, rules);
  if (last !== undefined) return last;
  const where = place.range ?? place.subnet;
  const exhausted = new AddressesExhaustedError(where, usageOf(where, blocks), {
    cooldownMs: context.settings.cooldownMs,
    strict: strictAffinity,
    atMostBlocks: claims ? undefined : maxBlocksPerHost,
  });
  throw unlessQuiet({ reachable, place, rules, exhausted });
}

/** Of addresses that this node had, the kernel may forget one soon. */
function unlessQuiet({ reachable, place, rules, exhausted }: NoneNow): ConflictError {
  const hopes = [...longestFreed(reachable, place)].filter((freed) => freed.node === rules.node);
  if (hopes.length === 0) return exhausted;
  return new QuietNeededError(
    hopes.slice(0, MOST_HOPES).map(({ address }) => address),
    exhausted,
  );
}

interface NoneNow {
  readonly reachable: readonly Block[];
  readonly place: Place;
  readonly rules: CoolingRules;
  readonly exhausted: AddressesExhaustedError;
}

const coolingRules = ({ clock, node, settings, quiet }: IpamContext): CoolingRules => ({
  node,
  now: clock.now(),
  cooldownMs: settings.cooldownMs,
  isQuiet: (address: IpAddress) => quiet.isQuiet(address),
});
