import { assertNever } from '../src/model/assert-never.js';
import type { FilterRule, Match, Target } from '../src/model/chain.js';
import { prefixLengthOf } from '../src/model/cidr.js';
import type { IpFamily } from '../src/model/ip-address.js';
import type { Negatable, PeerMatch, PortRange, ProtocolMatch, Rule } from '../src/model/rule.js';
import { formatRule, ruleFamily } from '../src/model/rule-grammar.js';
import { selectionSet, tagSet } from './ip-set-names.js';
import { DROP, protocol, when } from './matches.js';
import { type Reading, readingsOf, selectionOf } from './selected-endpoints.js';

/** Slots of iptables' multiport match: a port takes one, a range two (XT_MULTI_PORTS). */
const MAX_PORT_SLOTS = 15;

/** Matches of which every combination is one filter rule: all of the alternatives together make up the rule. */
type Alternatives = readonly (readonly Match[])[];

/** What the kernel can match of a rule today: `set` is stored, but nothing compiles it. */
export const isEnforceable = (rule: Rule): boolean =>
  [rule.source, rule.destination].every((peer) => peer.set === undefined);

/**
 * The filter rules that together match what `rule` matches of one family; none if it is about the other. Where labels
 * are not known yet, an `allow` and a `log` do not match, a `deny` does, and a `pass` sends to `denied`.
 *
 * A rule that cannot be enforced never opens anything: as `allow` or `log` it matches nothing, as `deny` or `pass` it
 * drops all that reaches it.
 */
export function compileRule(
  rule: Rule,
  family: IpFamily,
  target: Target,
  denied: Target = DROP,
): readonly FilterRule[] {
  const comment = formatRule(rule);
  if ((ruleFamily(rule) ?? family) !== family) return [];
  if (!isEnforceable(rule)) {
    return rule.action === 'allow' || rule.action === 'log' ? [] : [when([], DROP, `cannot enforce: ${comment}`)];
  }
  const [first, ...unsure] = readingsOf(rule).map((reading) => alternativesOf(rule, family, reading));
  return [
    ...(first ?? []).map((matches) => when(matches, target, comment)),
    ...unsure.flat().map((matches) => when(matches, denied, `not known yet: ${comment}`)),
  ];
}

const alternativesOf = (rule: Rule, family: IpFamily, reading: Reading): Alternatives =>
  combine([
    [protocolMatches(rule.match)],
    portMatches('sourcePorts', portsOf(rule.match, 'sourcePorts')),
    portMatches('destinationPorts', portsOf(rule.match, 'destinationPorts')),
    peerMatches('source', rule.source, family, reading),
    peerMatches('destination', rule.destination, family, reading),
  ]);

const combine = (parts: readonly Alternatives[]): Alternatives =>
  parts.reduce<Alternatives>((all, part) => all.flatMap((one) => part.map((other) => [...one, ...other])), [[]]);

function protocolMatches(match: ProtocolMatch): readonly Match[] {
  switch (match.protocol) {
    case 'any':
      return [];
    case 'tcp':
    case 'udp':
    case 'sctp':
      return [protocol(match.protocol)];
    case 'icmp':
    case 'icmpv6': {
      if (match.icmp === undefined) return [protocol(match.protocol)];
      return [protocol(match.protocol), { kind: 'icmp', ...match.icmp.value, negated: match.icmp.negated }];
    }
    case 'number':
      return [protocol(match.number)];
    case 'not':
      return [protocol(match.number, true)];
    default:
      return assertNever(match);
  }
}

const portsOf = (match: ProtocolMatch, side: 'sourcePorts' | 'destinationPorts') =>
  match.protocol === 'tcp' || match.protocol === 'udp' || match.protocol === 'sctp' ? match[side] : undefined;

/** More than 15 slots: several rules where one list may match, several matches in one rule where none may. */
function portMatches(
  kind: 'sourcePorts' | 'destinationPorts',
  ports: Negatable<readonly PortRange[]> | undefined,
): Alternatives {
  if (ports === undefined) return [[]];
  const matches = inSlots(ports.value).map((value): Match => ({ kind, ports: { value, negated: ports.negated } }));
  return ports.negated ? [matches] : matches.map((match) => [match]);
}

function inSlots(ports: readonly PortRange[]): readonly (readonly PortRange[])[] {
  const groups: PortRange[][] = [];
  let free = 0;
  for (const range of ports) {
    const slots = range.first === range.last ? 1 : 2;
    if (slots > free) {
      groups.push([]);
      free = MAX_PORT_SLOTS;
    }
    groups.at(-1)?.push(range);
    free -= slots;
  }
  return groups;
}

function peerMatches(
  side: 'source' | 'destination',
  peer: PeerMatch,
  family: IpFamily,
  reading: Reading,
): Alternatives {
  const matches: Match[] = [];
  const kind = side === 'source' ? 'sourceInSet' : 'destinationInSet';
  if (peer.cidr !== undefined) {
    const { value: cidr, negated } = peer.cidr;
    if (prefixLengthOf(cidr) > 0) matches.push({ kind: side, cidr, negated });
    // not even one address is outside 0.0.0.0/0
    else if (negated) return [];
  }
  if (peer.tag !== undefined) {
    matches.push({ kind, set: tagSet(family, peer.tag.value), byInterface: false, negated: peer.tag.negated });
  }
  if (peer.selector !== undefined) {
    const set = selectionSet(family, selectionOf(peer.selector, reading));
    matches.push({ kind, set, byInterface: false, negated: peer.selector.negated });
  }
  return [matches];
}
