import type { HostNetwork } from '../src/model/host-network.js';
import { familyOf, type IpAddress, type IpFamily } from '../src/model/ip-address.js';
import { linkLocalOf } from '../src/model/mac-address.js';
import { type Node, tunnelAddressesOf } from '../src/model/node.js';
import type { Pool } from '../src/model/pool.js';
import type { LinkAddress, PermanentNeighbour } from '../src/model/route.js';
import {
  type Forwarding,
  IPIP_NAME,
  type TunnelDevice,
  type TunnelKind,
  tunnelMacOf,
  tunnelOverhead,
  vxlanName,
} from '../src/model/tunnel.js';
import { outerBetween } from './peer-paths.js';

/** What tunnels consist of in the kernel, besides the routes into them. */
export interface WantedTunnels {
  readonly devices: readonly TunnelDevice[];
  /** Of the node itself, on each device that can carry them: on one without any, IPv4 takes in little. */
  readonly addresses: readonly LinkAddress[];
  readonly forwardings: readonly Forwarding[];
  readonly neighbours: readonly PermanentNeighbour[];
}

/** Ethernet's, where the link of the node's address cannot tell. */
const USUAL_MTU = 1500;
/** In bytes (RFC 8200, section 5): a link of less has no IPv6. */
const SMALLEST_IPV6_MTU = 1280;

/** From the records: one device for each kind of outer header that is needed, and in it every other node. */
export function wantedTunnels({
  self,
  peers,
  pools,
  networks,
}: {
  /** Absent: this node's record is not there yet, and so no tunnel is. */
  readonly self: Node | undefined;
  readonly peers: Iterable<Node>;
  readonly pools: Iterable<Pool>;
  readonly networks: readonly HostNetwork[];
}): WantedTunnels {
  const kinds = new Set([...pools].map(({ encapsulation }) => encapsulation.kind));
  const devices: TunnelDevice[] = [];
  const forwardings: Forwarding[] = [];
  const neighbours: PermanentNeighbour[] = [];
  if (self === undefined) return { devices, addresses: [], forwardings, neighbours };
  if (kinds.has('ipip')) devices.push(...device('ipip', self, 4, networks));
  if (!kinds.has('vxlan')) return { devices, addresses: addressesOn(devices, self), forwardings, neighbours };

  const outerFamilies = new Set<IpFamily>([self.ip === undefined ? 6 : 4]);
  for (const peer of peers) {
    const outer = peer.name === self.name ? undefined : outerBetween(self, peer, 'vxlan');
    if (outer === undefined || networks.some(({ address }) => address === outer.remote)) continue;
    outerFamilies.add(outer.family);
    const [interfaceName, mac] = [vxlanName(outer.family), tunnelMacOf(peer.name)];
    forwardings.push({ mac, remote: outer.remote, interfaceName });
    neighbours.push({ address: linkLocalOf(mac), mac, interfaceName });
    if (outer.family === 4) neighbours.push({ address: outer.remote, mac, interfaceName });
  }
  devices.push(...[...outerFamilies].flatMap((family) => device('vxlan', self, family, networks)));
  const present = new Set(devices.map(({ name }) => name));
  return {
    devices,
    addresses: addressesOn(devices, self),
    forwardings: forwardings.filter(({ interfaceName }) => present.has(interfaceName)),
    neighbours: neighbours.filter(({ interfaceName }) => present.has(interfaceName)),
  };
}

const addressesOn = (devices: readonly TunnelDevice[], self: Node): readonly LinkAddress[] =>
  devices.flatMap(({ kind, name, mtu }) =>
    tunnelAddressesOf(self)
      .filter((address) => familyOf(address) === 4 || (kind === 'vxlan' && mtu >= SMALLEST_IPV6_MTU))
      .map((address) => ({ address, interfaceName: name })),
  );

/** None, where the node's address is not on this host. */
function device(
  kind: TunnelKind,
  self: Node,
  family: IpFamily,
  networks: readonly HostNetwork[],
): readonly TunnelDevice[] {
  const local = family === 4 ? self.ip : self.ip6;
  if (local === undefined || !networks.some(({ address }) => address === local)) return [];
  const mtu = outerMtu(local, networks) - tunnelOverhead(kind, family);
  if (kind === 'ipip') return [{ kind, name: IPIP_NAME, local, mtu }];
  return [{ kind, name: vxlanName(family), local, mac: tunnelMacOf(self.name), mtu }];
}

/** The largest packet in bytes that leaves with the address; one on the loopback leaves by whichever link. */
export function outerMtu(local: IpAddress, networks: readonly HostNetwork[]): number {
  const own = networks.find(({ address }) => address === local);
  if (own !== undefined && own.interfaceName !== 'lo') return own.mtu;
  const others = networks.filter((one) => one.interfaceName !== 'lo' && familyOf(one.address) === familyOf(local));
  return Math.min(USUAL_MTU, ...others.map(({ mtu }) => mtu));
}
