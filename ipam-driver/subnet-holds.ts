import { type Block, BlockRecord, blockKey } from '../src/model/block.js';
import { type Cidr, networkOf } from '../src/model/cidr.js';
import type { NodeName } from '../src/model/ids.js';
import type { IpAddress } from '../src/model/ip-address.js';
import {
  type Subnet,
  type SubnetHold,
  SubnetHoldRecord,
  type SubnetReference,
  subnetHoldKey,
  subnetHoldsPrefix,
  subnetKey,
} from '../src/model/subnet.js';
import { allocationOf, allocationsOf, reassign, unreserve } from './block.js';
import type { Draft } from './draft.js';

export const holdOf = (draft: Draft, subnet: Cidr, node: NodeName): Promise<SubnetHold | undefined> =>
  draft.read(SubnetHoldRecord, subnetHoldKey(subnet, node));

/**
 * Every node's hold on a subnet, as of the last change of its record, and of the blocks given, or later: complete while a
 * resting subnet, or an ending reservation, stays as it is.
 */
export const holdsOn = (draft: Draft, subnet: Cidr, blocks: readonly Cidr[] = []): Promise<readonly SubnetHold[]> =>
  draft.list(SubnetHoldRecord, subnetHoldsPrefix(subnet), [
    subnetKey(subnet),
    ...blocks.map((block) => blockKey(subnet, block)),
  ]);

/** Replaces what a node's networks hold; nothing left: the record goes. */
export function writeHold(
  draft: Draft,
  {
    subnet,
    node,
    references,
  }: { readonly subnet: Cidr; readonly node: NodeName; readonly references: readonly SubnetReference[] },
): void {
  const value = references.length === 0 ? undefined : { subnet, node, references };
  draft.write(SubnetHoldRecord, subnetHoldKey(subnet, node), value);
}

/** How many networks have the address as gateway or auxiliary address. */
export const reservedBy = (holds: readonly SubnetHold[], address: IpAddress): number =>
  holds
    .flatMap(({ references }) => references)
    .filter(({ reservations }) => reservations.some((reservation) => reservation.address === address)).length;

/** One network less has the address. False: an endpoint has it, or nobody. */
export async function endReservation(draft: Draft, subnet: Subnet, address: IpAddress): Promise<boolean> {
  const key = blockKey(subnet.cidr, networkOf(address, subnet.blockLength));
  const block = await draft.read(BlockRecord, key);
  const by = block === undefined ? undefined : allocationOf(block, address);
  if (block === undefined || by?.state !== 'reserved') return false;
  if (!by.ending) draft.write(BlockRecord, key, reassign(block, address, { ...by, ending: true }));
  return true;
}

/** What was ending in the address's block ends, unless a network has it. False: nothing was to be done. */
export async function settleReservation(draft: Draft, subnet: Subnet, address: IpAddress): Promise<boolean> {
  const cidr = networkOf(address, subnet.blockLength);
  const key = blockKey(subnet.cidr, cidr);
  const block = await draft.read(BlockRecord, key);
  if (block === undefined) return false;
  const after = settled(block, await holdsOn(draft, subnet.cidr, [cidr]));
  if (after !== block) draft.write(BlockRecord, key, after);
  return after !== block;
}

export const hasEnding = (block: Block): boolean =>
  [...block.allocations.values()].some((by) => by.state === 'reserved' && by.ending);

/** The same block, if nothing in it is ending. */
export function settled(block: Block, holds: readonly SubnetHold[]): Block {
  let after = block;
  for (const { address, allocation } of allocationsOf(block)) {
    if (allocation.state !== 'reserved' || !allocation.ending) continue;
    const isHeld = reservedBy(holds, address) > 0;
    after = isHeld ? reassign(after, address, { ...allocation, ending: false }) : unreserve(after, address);
  }
  return after;
}
