import { createHash } from 'node:crypto';
import type { InterfaceName, NodeName } from './ids.js';
import type { IpAddress, IpFamily } from './ip-address.js';
import type { MacAddress } from './mac-address.js';

/**
 * The network id in our VXLAN headers (RFC 7348). Not 4096, which others take: Swarm counts its overlay networks from
 * there, and deletes a host's device that has the id it wants.
 */
export const VXLAN_ID = 0xc0de;
/** UDP port, as IANA has it. */
export const VXLAN_PORT = 4789;

/** What a link is made of that carries packets for encapsulated pools. */
export interface TunnelDevice {
  readonly kind: 'vxlan' | 'ipip';
  readonly name: InterfaceName;
  /** This node's address in the outer headers. */
  readonly local: IpAddress;
  /** Absent: it has none. */
  readonly mac?: MacAddress | undefined;
  /** Bytes of an inner packet. */
  readonly mtu: number;
}

/** Inner packets for this MAC go to that node. */
export interface Forwarding {
  readonly mac: MacAddress;
  readonly remote: IpAddress;
  readonly interfaceName: InterfaceName;
}

/** Names that no rule for endpoints' links (`cord+`) matches. One VXLAN device for each family of outer addresses. */
const NAMES = { vxlan4: 'vxlan.cord', vxlan6: 'vxlan6.cord', ipip4: 'ipip.cord' } as const;

export type TunnelKind = TunnelDevice['kind'];

export const vxlanName = (outer: IpFamily): InterfaceName => NAMES[`vxlan${outer}`] as string as InterfaceName;
export const IPIP_NAME = NAMES.ipip4 as string as InterfaceName;

/** Is a link of this name a tunnel of ours? */
export const isOurTunnel = (name: string): boolean => Object.values<string>(NAMES).includes(name);

/** What the outer headers take of a packet, in bytes: with VXLAN, inner Ethernet, VXLAN, UDP and IP. */
export const tunnelOverhead = (kind: TunnelKind, outer: IpFamily): number =>
  (kind === 'vxlan' ? 14 + 8 + 8 : 0) + (outer === 4 ? 20 : 40);

/** The MAC of a node's VXLAN devices: every other node knows it by the name alone. */
export function tunnelMacOf(node: NodeName): MacAddress {
  const bytes = createHash('sha256').update(`vxlan ${node}`).digest().subarray(0, 5);
  return ['06', ...Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'))].join(':') as MacAddress;
}
