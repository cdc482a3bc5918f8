import { type Block, BlockRecord, blocksPrefix } from '../src/model/block.js';
import { networkOf } from '../src/model/cidr.js';
import type { IpAddress } from '../src/model/ip-address.js';
import { type Subnet, type SubnetHold, SubnetHoldRecord, subnetHoldKey } from '../src/model/subnet.js';
import type { IpamContext } from './allocation-context.js';
import { allocationsOf } from './block.js';
import type { Draft } from './draft.js';
import { hasEnding, holdsOn, reservedBy } from './subnet-holds.js';

/** What is looked at of a subnet to give up what this node has there no more. */
export interface SweepView {
  readonly blocks: readonly Block[];
  readonly holds: readonly SubnetHold[];
}

/** Nodes that are asked whether they hold a subnet before all are. */
const ASKED = 8;

/** @param ended addresses whose reservations this node has just ended */
export const sweepView = async (
  draft: Draft,
  context: IpamContext,
  subnet: Subnet,
  ended: readonly IpAddress[],
): Promise<SweepView> => (await someOf(draft, context, subnet, ended)) ?? allOf(draft, subnet);

/**
 * A subnet that thousands of nodes are on stays if one of them holds it, and so does what that one has reserved: then only
 * this node's own blocks need to be looked at. Undefined: it is not as simple.
 */
async function someOf(
  draft: Draft,
  { node, ownBlocks }: IpamContext,
  { cidr, use, blockLength }: Subnet,
  ended: readonly IpAddress[],
): Promise<SweepView | undefined> {
  if (use !== 'used') return undefined;
  const asked = new Set([node, ...(await ownBlocks.someNodesIn(cidr, ASKED))]);
  const keys = [...asked].map((one) => subnetHoldKey(cidr, one));
  const holds = await draft.readAll(SubnetHoldRecord, keys);
  if (holds.length === 0) return undefined;
  const withEnded = ended.map((address) => networkOf(address, blockLength));
  const blocks = await ownBlocks.in(draft, cidr, withEnded);
  return blocks.every((block) => isKept(block, holds)) ? { blocks, holds } : undefined;
}

const isKept = (block: Block, holds: readonly SubnetHold[]): boolean =>
  [...allocationsOf(block)].every(
    ({ address, allocation: by }) => by.state !== 'reserved' || !by.ending || reservedBy(holds, address) > 0,
  );

async function allOf(draft: Draft, { cidr }: Subnet): Promise<SweepView> {
  const blocks = await draft.list(BlockRecord, blocksPrefix(cidr));
  const ending = blocks.filter(hasEnding).map((block) => block.cidr);
  return { blocks, holds: await holdsOn(draft, cidr, ending) };
}
