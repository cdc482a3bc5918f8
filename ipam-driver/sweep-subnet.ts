import { type Block, BlockRecord, blockKey } from '../src/model/block.js';
import type { Cidr } from '../src/model/cidr.js';
import { isTunnelHandle } from '../src/model/handle.js';
import type { NodeName } from '../src/model/ids.js';
import type { IpAddress } from '../src/model/ip-address.js';
import { type SubnetHold, SubnetRecord, subnetKey } from '../src/model/subnet.js';
import { type IpamContext, isoNow } from './allocation-context.js';
import { allocationsOf, disclaim, free, isVacantSince, unreserve } from './block.js';
import type { Draft } from './draft.js';
import { settled } from './subnet-holds.js';
import { sweepView } from './sweep-view.js';

/** Blocks that one transaction cleans up: with the rest of it, below etcd's limit of 128 writes. */
const SWEPT_AT_ONCE = 30;

/** What is left of this node's after a sweep, or of a subnet that rests. `more`: it goes on in another transaction. */
export type Left = 'more' | 'something' | 'nothing';

/**
 * One transaction's part in the sweep of a subnet.
 *
 * @param ended addresses whose reservations have just ended
 */
export async function sweepSome(
  draft: Draft,
  context: IpamContext,
  cidr: Cidr,
  ended: readonly IpAddress[],
): Promise<Left> {
  const key = subnetKey(cidr);
  const subnet = await draft.read(SubnetRecord, key);
  if (subnet === undefined) return 'nothing';
  const { blocks, holds } = await sweepView(draft, context, subnet, ended);
  const use = holds.length > 0 ? 'used' : 'resting';
  if (subnet.use !== use) {
    // Looked at again once this is written: of a resting subnet the list of holders is complete.
    draft.write(SubnetRecord, key, { ...subnet, use });
    return 'more';
  }
  const swept = blocks.map((block) => ({ block, after: sweptBlock(block, holds, context) }));
  const changed = swept.filter(({ block, after }) => after !== block);
  for (const { block, after } of changed.slice(0, SWEPT_AT_ONCE))
    draft.write(BlockRecord, blockKey(cidr, block.cidr), after);
  if (changed.length > SWEPT_AT_ONCE) {
    draft.guard(key);
    return 'more';
  }
  const nothingLeft = holds.length === 0 && swept.every(({ after }) => after === undefined);
  if (nothingLeft) draft.write(SubnetRecord, key, undefined);
  else if (changed.length > 0) draft.guard(key);
  const isOurs = holds.some((hold) => hold.node === context.node);
  const hasOurs = swept.some(({ after }) => after !== undefined && isOf(after, context.node));
  return nothingLeft || (holds.length > 0 && !isOurs && !hasOurs) ? 'nothing' : 'something';
}

/** Undefined: nothing of it is worth keeping. */
function sweptBlock(block: Block, holds: readonly SubnetHold[], context: IpamContext): Block | undefined {
  const { node, clock, settings } = context;
  let after = settled(block, holds);
  if (holds.some((hold) => hold.node === node)) return after;
  const isOrphan = holds.length === 0;
  if (block.node !== node && !isOrphan) return after;
  for (const { address, allocation } of allocationsOf(block)) {
    if (allocation.state === 'unbound' && allocation.node === node) after = free(after, address, isoNow(context));
    if (allocation.state === 'reserved' && isOrphan) after = unreserve(after, address);
  }
  if (isVacantSince(after, new Date(clock.now().getTime() - settings.cooldownMs)) && after.allocations.size === 0)
    return undefined;
  return after.node === node ? disclaim(after) : after;
}

/** Whether the block, or an address of it, is the node's, but for a tunnel address: the node itself gives that up. */
export const isOf = (block: Block, node: NodeName): boolean =>
  block.node === node ||
  [...block.allocations.values()].some(
    (by) => by.state !== 'reserved' && by.node === node && !isTunnelHandle(by.handle),
  );
