import { cidrKey, contains } from '../src/model/cidr.js';
import { InvalidRequestError, NotFoundError } from '../src/model/errors.js';
import type { NodeName } from '../src/model/ids.js';
import type { IpAddress } from '../src/model/ip-address.js';
import { type Subnet, type SubnetHold, SubnetRecord, type SubnetReference, subnetKey } from '../src/model/subnet.js';
import type { IpamContext } from './allocation-context.js';
import type { Place } from './choose-address.js';
import type { Draft } from './draft.js';
import type { PoolId } from './pool-id.js';
import { holdOf } from './subnet-holds.js';

/** What a pool id stands for. */
export interface HeldSubnet {
  readonly subnet: Subnet;
  readonly hold: SubnetHold;
  readonly reference: SubnetReference;
}

/** Undefined: its ReleasePool has come. */
export async function referenceOf(draft: Draft, id: PoolId, node: NodeName): Promise<HeldSubnet | undefined> {
  const subnet = await draft.read(SubnetRecord, subnetKey(id.subnet));
  const hold = await holdOf(draft, id.subnet, node);
  const reference = hold?.references.find((one) => one.id === id.reference);
  return subnet === undefined || hold === undefined || reference === undefined
    ? undefined
    : { subnet, hold, reference };
}

/** @throws NotFoundError if its ReleasePool has come */
export async function requireReference(draft: Draft, id: PoolId, node: NodeName): Promise<HeldSubnet> {
  const found = await referenceOf(draft, id, node);
  if (found !== undefined) return found;
  throw new NotFoundError(
    `the network of subnet ${id.subnet} is not known any more: its pool was released; remove the network and create it again`,
  );
}

/** Where the containers of a network get their addresses. @throws if its pool may not be used (any more) */
export async function placeOf(draft: Draft, id: PoolId, context: IpamContext): Promise<Place> {
  const { subnet } = await requireReference(draft, id, context.node);
  const pool = context.store.pools.get(cidrKey(subnet.pool))?.value;
  const cannot = `no address can be given in ${id.subnet}`;
  if (pool === undefined)
    throw new NotFoundError(
      `${cannot}: its pool ${subnet.pool} was removed; add it again with "corduroy pool add ${subnet.pool}"`,
    );
  if (pool.disabled)
    throw new InvalidRequestError(
      `${cannot}: its pool ${pool.name} is disabled; enable it with "corduroy pool set ${pool.name} --enable"`,
    );
  if (pool.nodeSelector !== undefined && !context.nodeMatches(pool.nodeSelector))
    throw new InvalidRequestError(
      `${cannot} on node ${context.node}: the node selector of pool ${pool.name}, ${JSON.stringify(pool.nodeSelector)}, does not select it; change the selector or the node's labels`,
    );
  return { subnet: subnet.cidr, blockLength: subnet.blockLength, range: id.range };
}

/** @throws InvalidRequestError if a user asks for an address outside the network */
export function requireInside(id: PoolId, address: IpAddress): void {
  if (contains(id.subnet, address)) return;
  throw new InvalidRequestError(`${address} is not in the network's subnet ${id.subnet}; choose an address inside it`);
}
