import { type Cidr, contains, prefixLengthOf } from '../src/model/cidr.js';
import { familyOf, type IpAddress, type IpFamily } from '../src/model/ip-address.js';
import type { Network } from '../src/model/network.js';
import type { Pool } from '../src/model/pool.js';
import { byCidr } from './cidr-order.js';

/** What the records say of a node's tunnel addresses. */
export interface TunnelNeeds {
  /** Of those that it has. */
  readonly kept: readonly IpAddress[];
  readonly ended: readonly IpAddress[];
  readonly lacking: readonly LackingAddress[];
}

export interface LackingAddress {
  readonly family: IpFamily;
  /** Where it can come from, the largest first: in a small one it would be missed most. Empty: the pools are disabled. */
  readonly subnets: readonly Cidr[];
}

/**
 * A node has one tunnel address of each family in which some network is in an encapsulated pool. It is an address of
 * such a network, so that every node routes it as it routes that network's containers: there is nothing to reach
 * before there is a network, and no range has to be set aside in pools that one network may want as a whole.
 */
export function tunnelNeeds({
  has,
  pools,
  networks,
  families,
  nodeMatches,
}: {
  readonly has: readonly IpAddress[];
  readonly pools: readonly Pool[];
  readonly networks: readonly Network[];
  /** That this host speaks. */
  readonly families: readonly IpFamily[];
  /** Whether a pool's nodeSelector selects this node. */
  readonly nodeMatches: (selector: string) => boolean;
}): TunnelNeeds {
  // Nothing comes to an internal network from outside its subnets, and nothing from outside may seem to come from inside.
  const subnets = networks
    .filter(({ ipam, internal }) => ipam === 'corduroy' && !internal)
    .flatMap((network) => network.subnets)
    .flatMap(({ cidr }) => {
      const pool = pools.find((one) => contains(one.cidr, cidr));
      return pool !== undefined && isTunnelled(pool) ? [{ cidr, pool }] : [];
    });
  const kept: IpAddress[] = [];
  const lacking: LackingAddress[] = [];
  for (const family of families) {
    const ours = subnets.filter(({ cidr }) => familyOf(cidr) === family);
    const own = has.find((address) => ours.some(({ cidr }) => contains(cidr, address)));
    if (own !== undefined) {
      kept.push(own);
      continue;
    }
    const selected = ours.filter(({ pool: { nodeSelector: s } }) => s === undefined || nodeMatches(s));
    const usable = byCidr(selected.filter(({ pool }) => !pool.disabled)).map(({ cidr }) => cidr);
    const bySize = [...new Set(usable)].sort((a, b) => prefixLengthOf(a) - prefixLengthOf(b));
    if (selected.length > 0) lacking.push({ family, subnets: bySize });
  }
  return { kept, ended: has.filter((address) => !kept.includes(address)), lacking };
}

const isTunnelled = ({ cidr, encapsulation: { kind } }: Pool): boolean =>
  kind === 'vxlan' || (kind === 'ipip' && familyOf(cidr) === 4);
