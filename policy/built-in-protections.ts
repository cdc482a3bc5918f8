/** What no profile can allow: rules that stand before all of those of profiles. */
import type { Chain, FilterRule } from '../src/model/chain.js';
import type { Cidr } from '../src/model/cidr.js';
import type { IpFamily } from '../src/model/ip-address.js';
import { type TunnelKind, VXLAN_ID, VXLAN_PORT } from '../src/model/tunnel.js';
import { chain } from './chain-names.js';
import { nodeSet } from './ip-set-names.js';
import {
  always,
  DROP,
  destination,
  destinationInSet,
  destinationPorts,
  goto,
  icmp,
  icmpType,
  jump,
  protocol,
  RETURN,
  source,
  sourceInSet,
  when,
} from './matches.js';
import type { PolicySettings } from './settings.js';

const cidr = (text: string): Cidr => text as Cidr;

/** UDP ports of VXLAN (RFC 7348, and the one Linux took before) that would carry packets past the rules. */
const VXLAN_PORTS = [VXLAN_PORT, 8472];
export const IPIP_PROTOCOL = 4;
/** IP in IP, IPv6 in IP, GRE. */
const ENCAPSULATION_PROTOCOLS = [IPIP_PROTOCOL, 41, 47];
/** Multicast listener 130-132 and 143, router solicitation 133, neighbour solicitation and advertisement 135 and 136. */
const NEIGHBOUR_DISCOVERY_TYPES = [130, 131, 132, 133, 135, 136, 143];
const LINK_LOCAL: Readonly<Record<IpFamily, Cidr>> = { 4: cidr('169.254.0.0/16'), 6: cidr('fe80::/10') };
const METADATA: Readonly<Record<IpFamily, Cidr>> = { 4: cidr('169.254.169.254/32'), 6: cidr('fd00:ec2::254/128') };
const MULTICAST_6 = cidr('ff02::/16');
const UNSPECIFIED_6 = cidr('::/128');

/** Reached with what bears another source address than the endpoint's own. */
export function antiSpoofRules(family: IpFamily): readonly FilterRule[] {
  return [
    ...(family === 4
      ? []
      : [
          // an endpoint's link-local address is its own choice, and ends at this host
          when([source(LINK_LOCAL[6]), destination(LINK_LOCAL[6])], RETURN),
          when([source(LINK_LOCAL[6]), destination(MULTICAST_6)], RETURN),
          when([icmp(6), source(UNSPECIFIED_6), destination(MULTICAST_6)], RETURN, 'duplicate address detection'),
        ]),
    always(DROP, 'not the address of the endpoint'),
  ];
}

/**
 * What comes for our tunnels must come from a node. It is asked where packets reach the host itself: those on their way
 * through it do not pass the question. The network id tells ours from others' VXLAN on this port; IPv6 has headers of any
 * length before it, so that there the port alone counts.
 *
 * @param kinds those that pools are encapsulated in; of others nobody of ours listens
 */
export function tunnelChain(family: IpFamily, kinds: ReadonlySet<TunnelKind>): Chain {
  const fromNoNode = sourceInSet(nodeSet(family), true);
  const ours = family === 4 ? [{ kind: 'vxlanNetwork', id: VXLAN_ID } as const] : [];
  const vxlan = when([protocol('udp'), ...ours, fromNoNode], DROP, 'VXLAN from no node');
  const ipip = when([protocol(IPIP_PROTOCOL), fromNoNode], DROP, 'IPIP from no node');
  const rules = [...(kinds.has('vxlan') ? [vxlan] : []), ...(kinds.has('ipip') && family === 4 ? [ipip] : [])];
  return { table: 'mangle', name: chain('tunnels'), rules };
}

export function protectionRules(family: IpFamily, settings: PolicySettings): readonly FilterRule[] {
  const ports = settings.infrastructurePorts;
  const forged = family === 4 ? [5] : [134, 137];
  return [
    always(jump(chain('encapsulation'))),
    ...forged.map((type) => when([icmp(family), icmpType(type)], DROP, 'only routers send it')),
    ...(settings.metadata === 'allow'
      ? [when([destination(METADATA[family])], RETURN)]
      : [when([destination(METADATA[family])], DROP, 'metadata service')]),
    when([destination(LINK_LOCAL[family])], DROP, 'link-local addresses'),
    ...(ports.length === 0
      ? []
      : [
          when(
            [protocol('tcp'), destinationInSet(nodeSet(family)), destinationPorts(...ports)],
            DROP,
            'infrastructure of the nodes',
          ),
        ]),
  ];
}

export const encapsulationRules = (): readonly FilterRule[] => [
  when([protocol('udp'), destinationPorts(...VXLAN_PORTS)], DROP, 'VXLAN from an endpoint'),
  ...ENCAPSULATION_PROTOCOLS.map((number) => when([protocol(number)], DROP, 'a tunnel from an endpoint')),
];

export const neighbourDiscoveryRules = (): readonly FilterRule[] => [
  when([icmp(6), icmpType(134)], DROP, 'only routers send it'),
  when([icmp(6), icmpType(137)], DROP, 'only routers send it'),
  ...NEIGHBOUR_DISCOVERY_TYPES.map((type) => when([icmp(6), icmpType(type)], goto(chain('accept')))),
];
