import type { Chain, FilterRule, Match } from '../src/model/chain.js';
import type { Cidr } from '../src/model/cidr.js';
import type { IpFamily } from '../src/model/ip-address.js';
import {
  antiSpoofRules,
  encapsulationRules,
  neighbourDiscoveryRules,
  protectionRules,
  tunnelChain,
} from './built-in-protections.js';
import { type CHAINS, chain } from './chain-names.js';
import { hairpinSet, insideSet, masqueradeSet } from './ip-set-names.js';
import {
  always,
  clearMark,
  conntrack,
  DROP,
  destination,
  destinationInSet,
  destinationPorts,
  goto,
  icmp,
  icmpType,
  inInterface,
  jump,
  marked,
  outInterface,
  protocol,
  RETURN,
  setMark,
  sourceInSet,
  when,
} from './matches.js';
import type { PolicySettings } from './settings.js';

/** ICMP errors that a flow may cause: unreachable, time exceeded, parameter problem; IPv6 has packet too big besides. */
const ICMP_ERRORS: Readonly<Record<IpFamily, readonly number[]>> = { 4: [3, 11, 12], 6: [1, 2, 3, 4] };
const ECHO_REQUEST: Readonly<Record<IpFamily, number>> = { 4: 8, 6: 128 };
const LOOPBACK: Readonly<Record<IpFamily, Cidr>> = { 4: '127.0.0.0/8' as Cidr, 6: '::1/128' as Cidr };

const NOT_NEW: Match = { kind: 'conntrack', states: ['NEW'], negated: true };
const tcpWithoutSyn = [protocol('tcp'), { kind: 'tcpSyn', negated: true }] as const;

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
