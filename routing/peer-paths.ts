import { contains, prefixLengthOf } from '../src/model/cidr.js';
import type { HostNetwork } from '../src/model/host-network.js';
import type { InterfaceName } from '../src/model/ids.js';
import type { IpAddress, IpFamily } from '../src/model/ip-address.js';
import type { Node } from '../src/model/node.js';

/** How another node is reached without a tunnel. */
export type DirectPath =
  /** It is on a network of this host's interfaces. */
  | { readonly kind: 'onLink'; readonly gateway: IpAddress; readonly interfaceName: InterfaceName }
  /** It is behind a router. */
  | { readonly kind: 'offLink'; readonly gateway: IpAddress }
  | { readonly kind: 'noAddress' }
  /** It says that it has an address which is this host's own. */
  | { readonly kind: 'ownAddress'; readonly gateway: IpAddress };

/** @param peer absent: its record is not there, so neither is its address */
export function directPath(
  peer: Pick<Node, 'ip' | 'ip6'> | undefined,
  family: IpFamily,
  networks: readonly HostNetwork[],
): DirectPath {
  const gateway = family === 4 ? peer?.ip : peer?.ip6;
  if (gateway === undefined) return { kind: 'noAddress' };
  if (networks.some(({ address }) => address === gateway)) return { kind: 'ownAddress', gateway };
  let best: HostNetwork | undefined;
  for (const candidate of networks) {
    if (!contains(candidate.network, gateway)) continue;
    if (best === undefined || prefixLengthOf(candidate.network) > prefixLengthOf(best.network)) best = candidate;
  }
  return best === undefined
    ? { kind: 'offLink', gateway }
    : { kind: 'onLink', gateway, interfaceName: best.interfaceName };
}
