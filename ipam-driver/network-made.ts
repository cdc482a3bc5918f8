import type { SubnetReference } from '../src/model/subnet.js';
import type { IpamContext } from './allocation-context.js';
import { networksOn } from './networks-of-subnet.js';
import type { PoolId } from './pool-id.js';
import { holdOf } from './subnet-holds.js';

/**
 * References that no network of the node accounts for: the youngest, as many as there are fewer networks than
 * references, since Docker makes the network right after it has its pools.
 */
export function referencesWithoutNetwork(
  references: readonly SubnetReference[],
  networkCount: number,
): readonly SubnetReference[] {
  const byAge = [...references].sort((a, b) => (a.requestedAt < b.requestedAt ? -1 : 1));
  return byAge.slice(networkCount);
}

/** Whether the network that a pool reference of this node is for exists. */
export async function isNetworkMade(context: IpamContext, id: PoolId): Promise<boolean> {
  const hold = await context.ledger.run({ decide: (draft) => holdOf(draft, id.subnet, context.node) });
  const without = referencesWithoutNetwork(hold?.references ?? [], networksOn(context.store, id.subnet).length);
  return !without.some((reference) => reference.id === id.reference);
}
