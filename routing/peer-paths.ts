import { contains, prefixLengthOf } from '../src/model/cidr.js';
import type { HostNetwork } from '../src/model/host-network.js';
import type { InterfaceName } from '../src/model/ids.js';
import type { IpAddress, IpFamily } from '../src/model/ip-address.js';
import { linkLocalOf } from '../src/model/mac-address.js';
import type { Node } from '../src/model/node.js';
import type { Encapsulation } from '../src/model/pool.js';
import { IPIP_NAME, type TunnelKind, tunnelMacOf, vxlanName } from '../src/model/tunnel.js';

type Addresses = Pick<Node, 'name' | 'ip' | 'ip6'>;
type OwnAddresses = Addresses & Pick<Node, 'tunnelIp' | 'tunnelIp6'>;

/** How packets of one family come to another node. */
export type Path =
  /** The gateway is on the link, or the link is a tunnel that knows the way to it, and `source` leads back into it. */
  | {
      readonly kind: 'via';
      readonly gateway: IpAddress;
      readonly interfaceName: InterfaceName;
      readonly source?: IpAddress | undefined;
    }
  /** It is behind a router. */
  | { readonly kind: 'offLink' }
  | { readonly kind: 'noAddress'; readonly family: IpFamily }
  /** It says that it has an address which is this host's own. */
  | { readonly kind: 'ownAddress'; readonly address: IpAddress }
  /** The address that this node's record says is on none of its links. */
  | { readonly kind: 'notHere'; readonly address: IpAddress }
  /** No address of a family that both have, which outer headers need. */
  | { readonly kind: 'noCommonFamily' }
  | { readonly kind: 'noIpv6InIpip' };

/** Everything on this node that paths depend on, besides the other node. */
export interface Standpoint {
  /** Absent: this node's record is not there yet. */
  readonly self: OwnAddresses | undefined;
  readonly networks: readonly HostNetwork[];
}

/** The way for addresses of a family in a pool with this encapsulation. @param peer absent: it has no record */
export function pathTo(
  peer: Addresses | undefined,
  family: IpFamily,
  encapsulation: Encapsulation,
  standpoint: Standpoint,
): Path {
  if (peer === undefined) return { kind: 'noAddress', family };
  if (encapsulation.kind === 'none') return directPath(peer, family, standpoint);
  const direct = encapsulation.crossSubnet ? directPath(peer, family, standpoint) : undefined;
  return direct?.kind === 'via' ? direct : tunnelPath(peer, family, encapsulation.kind, standpoint);
}

function directPath(peer: Addresses, family: IpFamily, { networks }: Standpoint): Path {
  const gateway = family === 4 ? peer.ip : peer.ip6;
  if (gateway === undefined) return { kind: 'noAddress', family };
  if (networks.some(({ address }) => address === gateway)) return { kind: 'ownAddress', address: gateway };
  let best: HostNetwork | undefined;
  for (const candidate of networks) {
    if (!contains(candidate.network, gateway)) continue;
    if (best === undefined || prefixLengthOf(candidate.network) > prefixLengthOf(best.network)) best = candidate;
  }
  return best === undefined ? { kind: 'offLink' } : { kind: 'via', gateway, interfaceName: best.interfaceName };
}

/** The addresses that tunnel packets between two nodes have outside. */
export interface Outer {
  readonly family: IpFamily;
  readonly local: IpAddress;
  readonly remote: IpAddress;
}

/** IPv4 where both have it: its headers are smaller. */
export function outerBetween(self: Addresses | undefined, peer: Addresses, kind: TunnelKind): Outer | undefined {
  if (self?.ip !== undefined && peer.ip !== undefined) return { family: 4, local: self.ip, remote: peer.ip };
  if (kind === 'ipip' || self?.ip6 === undefined || peer.ip6 === undefined) return undefined;
  return { family: 6, local: self.ip6, remote: peer.ip6 };
}

/**
 * The next hop on a VXLAN device is the other node's own address, or the link-local one of its device: the neighbour
 * table has both, and neither depends on what the other node has done yet.
 */
function tunnelPath(peer: Addresses, family: IpFamily, kind: TunnelKind, { self, networks }: Standpoint): Path {
  const outer = outerBetween(self, peer, kind);
  if (outer === undefined) return { kind: 'noCommonFamily' };
  const { local, remote } = outer;
  const address = family === 4 ? self?.tunnelIp : self?.tunnelIp6;
  const from = address === undefined ? {} : { source: address };
  if (networks.some(({ address }) => address === remote)) return { kind: 'ownAddress', address: remote };
  if (!networks.some(({ address }) => address === local)) return { kind: 'notHere', address: local };
  if (kind === 'ipip') {
    return family === 6
      ? { kind: 'noIpv6InIpip' }
      : { kind: 'via', gateway: remote, interfaceName: IPIP_NAME, ...from };
  }
  const gateway = family === outer.family && family === 4 ? remote : linkLocalOf(tunnelMacOf(peer.name));
  return { kind: 'via', gateway, interfaceName: vxlanName(outer.family), ...from };
}
