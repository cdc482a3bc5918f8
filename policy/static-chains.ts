import type { Chain, FilterRule, HookRule, Match, Table } from '../src/model/chain.js';
import type { Cidr } from '../src/model/cidr.js';
import type { IpFamily } from '../src/model/ip-address.js';
import { type TunnelKind, VXLAN_ID, VXLAN_PORT } from '../src/model/tunnel.js';
import { type CHAINS, chain } from './chain-names.js';
import { hairpinSet, insideSet, masqueradeSet, nodeSet, ownAddressSet } from './ip-set-names.js';
import {
  ACCEPT,
  always,
  clearMark,
  conntrack,
  DROP,
  destination,
  destinationInSet,
  destinationPorts,
  goto,
  icmpType,
  inInterface,
  jump,
  marked,
  outInterface,
  protocol,
  RETURN,
  setMark,
  source,
  sourceInSet,
  when,
} from './matches.js';
import type { PolicySettings } from './settings.js';

const cidr = (text: string): Cidr => text as Cidr;

/** UDP ports of VXLAN (RFC 7348, and the one Linux took before) that would carry packets past the rules. */
const VXLAN_PORTS = [VXLAN_PORT, 8472];
const IPIP_PROTOCOL = 4;
/** IP in IP, IPv6 in IP, GRE. */
const ENCAPSULATION_PROTOCOLS = [IPIP_PROTOCOL, 41, 47];
/** ICMP errors that a flow may cause: unreachable, time exceeded, parameter problem; IPv6 has packet too big besides. */
const ICMP_ERRORS: Readonly<Record<IpFamily, readonly number[]>> = { 4: [3, 11, 12], 6: [1, 2, 3, 4] };
const ECHO_REQUEST: Readonly<Record<IpFamily, number>> = { 4: 8, 6: 128 };
/** Multicast listener 130-132 and 143, router solicitation 133, neighbour solicitation and advertisement 135 and 136. */
const NEIGHBOUR_DISCOVERY_TYPES = [130, 131, 132, 133, 135, 136, 143];
const LOOPBACK: Readonly<Record<IpFamily, Cidr>> = { 4: cidr('127.0.0.0/8'), 6: cidr('::1/128') };
const LINK_LOCAL: Readonly<Record<IpFamily, Cidr>> = { 4: cidr('169.254.0.0/16'), 6: cidr('fe80::/10') };
const METADATA: Readonly<Record<IpFamily, Cidr>> = { 4: cidr('169.254.169.254/32'), 6: cidr('fd00:ec2::254/128') };
const MULTICAST_6 = cidr('ff02::/16');
const UNSPECIFIED_6 = cidr('::/128');

const icmp = (family: IpFamily) => protocol(family === 4 ? 'icmp' : 'icmpv6');
const NOT_NEW: Match = { kind: 'conntrack', states: ['NEW'], negated: true };
const NOT_ESTABLISHED: Match = { kind: 'conntrack', states: ['ESTABLISHED'], negated: true };
/** A source address of the endpoint behind the interface that the packet came in by. */
const ownSource = (family: IpFamily, negated: boolean): Match => ({
  kind: 'sourceInSet',
  set: ownAddressSet(family),
  byInterface: true,
  negated,
});
const tcpWithoutSyn = [protocol('tcp'), { kind: 'tcpSyn', negated: true }] as const;

/**
 * Our rules in the kernel's own chains: they never change. Every packet of the host passes them, and most packets belong
 * to established connections: these match none of ours but the one that accepts them. Of a rule that does not match,
 * the comment costs nothing.
 *
 * An established connection needs no mark: its first packet had one, or the guard would have dropped it, and then the
 * kernel would not have kept the connection.
 */
export function hookRules(family: IpFamily, settings: PolicySettings): readonly HookRule[] {
  const at =
    (place: HookRule['place']) =>
    (table: Table, hook: HookRule['hook'], rule: FilterRule): HookRule => ({ table, hook, place, rule });
  const [first, early, last] = [at('first'), at('early'), at('last')];
  const fromEndpoint = [inInterface('cord+')];
  const toEndpoint = [outInterface('cord+')];
  const established = conntrack('ESTABLISHED');
  const allowed = marked(settings.acceptMark);
  const undecided = [marked(settings.acceptMark, true), NOT_ESTABLISHED];
  return [
    first('raw', 'PREROUTING', when([...fromEndpoint, ownSource(family, true)], jump(chain('antiSpoof')))),
    first('raw', 'PREROUTING', when([protocol('udp'), destinationPorts(VXLAN_PORT)], jump(chain('tunnels')))),
    first('raw', 'PREROUTING', when([protocol(IPIP_PROTOCOL)], jump(chain('tunnels')))),
    first('mangle', 'FORWARD', when([NOT_ESTABLISHED], jump(chain('forward')))),
    first('mangle', 'INPUT', when([...fromEndpoint, NOT_ESTABLISHED], jump(chain('input')))),
    first(settings.guardTable, 'FORWARD', when(undecided, jump(chain('guard')))),
    first(settings.guardTable, 'INPUT', when([...fromEndpoint, ...undecided], jump(chain('guard')))),
    early('filter', 'FORWARD', when([...fromEndpoint, established], ACCEPT)),
    early('filter', 'FORWARD', when([...toEndpoint, established], ACCEPT)),
    last('filter', 'FORWARD', when([...fromEndpoint, allowed], ACCEPT)),
    last('filter', 'FORWARD', when([...toEndpoint, allowed], ACCEPT)),
    last('nat', 'PREROUTING', when([{ kind: 'destinationIsLocal', negated: false }], jump(chain('publish')))),
    last('nat', 'OUTPUT', when([{ kind: 'destinationIsLocal', negated: false }], jump(chain('publish')))),
    last('nat', 'POSTROUTING', always(jump(chain('postrouting')))),
  ];
}

/** The chains that do not depend on any record; the dispatch trees and `cord-publish` are apart. */
export function staticChains(family: IpFamily, settings: PolicySettings): readonly Chain[] {
  const mangle = (key: keyof typeof CHAINS, rules: readonly FilterRule[]): Chain => ({
    table: 'mangle',
    name: chain(key),
    rules,
  });
  return [
    { table: 'raw', name: chain('antiSpoof'), rules: antiSpoofRules(family) },
    tunnelChain(family, new Set()),
    mangle('forward', forwardRules(settings)),
    mangle('forwardFrom', forwardFromRules(settings)),
    mangle('forwardTo', forwardToRules(settings)),
    mangle('notNew', notNewRules),
    mangle('related', relatedRules(family)),
    mangle('protections', protectionRules(family, settings)),
    mangle('encapsulation', encapsulationRules()),
    mangle('accept', [always(setMark(settings.acceptMark))]),
    mangle('audit', auditRules()),
    mangle('input', inputRules(family, settings)),
    mangle('toHost', toHostRules(family, settings)),
    ...(family === 6 ? [mangle('neighbourDiscovery', neighbourDiscoveryRules())] : []),
    { table: settings.guardTable, name: chain('guard'), rules: GUARD_RULES },
    { table: 'nat', name: chain('postrouting'), rules: postroutingRules(family) },
  ];
}

/** Reached with what bears another source address than the endpoint's own. */
function antiSpoofRules(family: IpFamily): readonly FilterRule[] {
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
 * What comes for our tunnels must come from a node. The network id tells it from others' VXLAN on this port; IPv6 has
 * headers of any length before it, so that there the port alone counts.
 *
 * @param kinds those that pools are encapsulated in; of others nobody of ours listens
 */
export function tunnelChain(family: IpFamily, kinds: ReadonlySet<TunnelKind>): Chain {
  const fromNoNode = [{ kind: 'destinationIsLocal', negated: false }, sourceInSet(nodeSet(family), true)] as const;
  const ours = family === 4 ? [{ kind: 'vxlanNetwork', id: VXLAN_ID } as const] : [];
  const vxlan = when([protocol('udp'), ...ours, ...fromNoNode], DROP, 'VXLAN from no node');
  const ipip = when([protocol(IPIP_PROTOCOL), ...fromNoNode], DROP, 'IPIP from no node');
  const rules = [...(kinds.has('vxlan') ? [vxlan] : []), ...(kinds.has('ipip') && family === 4 ? [ipip] : [])];
  return { table: 'raw', name: chain('tunnels'), rules };
}

/** Reached with every packet of the host that belongs to no established connection. */
function forwardRules({ acceptMark }: PolicySettings): readonly FilterRule[] {
  return [
    when([inInterface('cord+', true), outInterface('cord+', true)], RETURN),
    // a mark that somebody else set allows nothing
    when([marked(acceptMark)], clearMark(acceptMark)),
    when([NOT_NEW], jump(chain('notNew'))),
    when([marked(acceptMark)], RETURN),
    // else a server's next segment would make a flow that was cut a new one, in reverse
    when([...tcpWithoutSyn], DROP, 'TCP that begins without SYN'),
    when([inInterface('cord+')], jump(chain('forwardFrom'))),
    // here, so that whoever accepts in a chain of ours does so without a mark
    when([inInterface('cord+'), marked(acceptMark, true)], DROP, 'not allowed outbound'),
    when([outInterface('cord+'), marked(acceptMark)], clearMark(acceptMark)),
    when([outInterface('cord+')], jump(chain('forwardTo'))),
  ];
}

/** A packet leaves it allowed or not at all, as also `forwardToRules`; a chain that was flushed by hand allows nothing. */
const forwardFromRules = ({ acceptMark }: PolicySettings): readonly FilterRule[] => [
  always(jump(chain('protections'))),
  always(jump(chain('fromDispatch'))),
  when([marked(acceptMark, true)], DROP),
];

const forwardToRules = ({ acceptMark }: PolicySettings): readonly FilterRule[] => [
  always(jump(chain('toDispatch'))),
  when([marked(acceptMark, true)], DROP),
];

const notNewRules: readonly FilterRule[] = [
  when([conntrack('ESTABLISHED')], goto(chain('accept'))),
  when([conntrack('INVALID')], DROP),
  when([conntrack('RELATED')], jump(chain('related'))),
];

const relatedRules = (family: IpFamily): readonly FilterRule[] =>
  ICMP_ERRORS[family].map((type) => when([icmp(family), icmpType(type)], goto(chain('accept'))));

function protectionRules(family: IpFamily, settings: PolicySettings): readonly FilterRule[] {
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

const encapsulationRules = (): readonly FilterRule[] => [
  when([protocol('udp'), destinationPorts(...VXLAN_PORTS)], DROP, 'VXLAN from an endpoint'),
  ...ENCAPSULATION_PROTOCOLS.map((number) => when([protocol(number)], DROP, 'a tunnel from an endpoint')),
];

const auditRules = (): readonly FilterRule[] => [
  when([{ kind: 'limit', perMinute: 60, burst: 20 }], { kind: 'log', prefix: 'cord: audit, would drop ' }),
  always(goto(chain('accept'))),
];

/** Neighbour discovery comes first: it is not tracked, and the endpoint's outbound rules do not speak of it. */
function inputRules(family: IpFamily, { acceptMark }: PolicySettings): readonly FilterRule[] {
  return [
    when([marked(acceptMark)], clearMark(acceptMark)),
    when([destination(LOOPBACK[family])], DROP, 'loopback is not for endpoints'),
    ...(family === 6 ? [when([icmp(6)], jump(chain('neighbourDiscovery'))), when([marked(acceptMark)], RETURN)] : []),
    when([NOT_NEW], jump(chain('notNew'))),
    when([marked(acceptMark)], RETURN),
    when([...tcpWithoutSyn], DROP, 'TCP that begins without SYN'),
    always(jump(chain('encapsulation'))),
    always(jump(chain('fromDispatch'))),
    when([marked(acceptMark, true)], DROP),
    always(goto(chain('toHost'))),
  ];
}

const neighbourDiscoveryRules = (): readonly FilterRule[] => [
  when([icmp(6), icmpType(134)], DROP, 'only routers send it'),
  when([icmp(6), icmpType(137)], DROP, 'only routers send it'),
  ...NEIGHBOUR_DISCOVERY_TYPES.map((type) => when([icmp(6), icmpType(type)], goto(chain('accept')))),
];

/** Reached with what the endpoint's own profiles allow outbound. */
function toHostRules(family: IpFamily, { endpointToHost }: PolicySettings): readonly FilterRule[] {
  if (endpointToHost === 'accept') return [];
  const refused = always(DROP, `endpointToHost is ${endpointToHost}`);
  if (endpointToHost === 'drop') return [refused];
  return [
    when([protocol('udp'), destinationPorts(53)], RETURN),
    when([protocol('tcp'), destinationPorts(53)], RETURN),
    when([icmp(family), icmpType(ECHO_REQUEST[family])], RETURN),
    refused,
  ];
}

/** Reached with what bears no mark and belongs to no established connection. */
const GUARD_RULES: readonly FilterRule[] = [when([inInterface('cord+')], DROP), when([outInterface('cord+')], DROP)];

const postroutingRules = (family: IpFamily): readonly FilterRule[] => [
  when(
    [conntrack('DNAT'), { kind: 'flowInSet', set: hairpinSet(family) }],
    { kind: 'masquerade' },
    'an endpoint to its own published port',
  ),
  when(
    [sourceInSet(masqueradeSet(family)), destinationInSet(insideSet(family), true)],
    { kind: 'masquerade' },
    'to the outside',
  ),
];
