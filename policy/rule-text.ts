import { assertNever } from '../src/model/assert-never.js';
import type { FilterRule, Match, Target } from '../src/model/chain.js';
import type { IpFamily } from '../src/model/ip-address.js';
import type { Negatable, PortRange } from '../src/model/rule.js';

/** Longest text of a rule's comment, in characters; with our mark before it, it stays below what iptables-nft stores. */
const MAX_COMMENT_LENGTH = 200;

/**
 * A rule as iptables-restore takes it behind `-A CHAIN `. Its comment begins with `cord:`.
 *
 * @param hash what `restore-text.ts` knows the rule by again; absent: the comment is the rule's own alone
 */
export function ruleText(rule: FilterRule, family: IpFamily, hash = ''): string {
  const protocol = rule.matches.find((match) => match.kind === 'protocol')?.number;
  const words = [...rule.matches]
    .sort((a, b) => orderOf(a) - orderOf(b))
    .map((match) => matchText(match, family, protocol));
  const comment = `cord:${hash} ${commentText(rule.comment ?? '')}`.trimEnd();
  return [...words, `-m comment --comment "${comment}"`, targetText(rule.target, family)].join(' ');
}

/** Characters that neither iptables' parsers nor its printers touch. */
const commentText = (text: string): string => text.replace(/[^ -~]|["\\$`]/g, '_').slice(0, MAX_COMMENT_LENGTH);

/** Interfaces, addresses and the protocol first: extensions such as multiport need the protocol before them. */
function orderOf({ kind }: Match): number {
  const place = ['inInterface', 'outInterface', 'source', 'destination', 'protocol'].indexOf(kind);
  return place < 0 ? 5 : place;
}

const not = (negated: boolean): string => (negated ? '! ' : '');

function matchText(match: Match, family: IpFamily, protocol: number | undefined): string {
  switch (match.kind) {
    case 'inInterface':
      return `${not(match.negated)}-i ${match.pattern}`;
    case 'outInterface':
      return `${not(match.negated)}-o ${match.pattern}`;
    case 'source':
      return `${not(match.negated)}-s ${match.cidr}`;
    case 'destination':
      return `${not(match.negated)}-d ${match.cidr}`;
    case 'sourceInSet':
      return `-m set ${not(match.negated)}--match-set ${match.set} ${match.byInterface ? 'src,src' : 'src'}`;
    case 'destinationInSet':
      return `-m set ${not(match.negated)}--match-set ${match.set} ${match.byInterface ? 'dst,src' : 'dst'}`;
    case 'flowInSet':
      return `-m set --match-set ${match.set} src,dst,dst`;
    case 'protocol':
      return `${not(match.negated)}-p ${protocolText(match.number)}`;
    case 'sourcePorts':
      return portsText('sport', match.ports, protocol);
    case 'destinationPorts':
      return portsText('dport', match.ports, protocol);
    case 'icmp':
      return icmpText(match, family);
    case 'conntrack':
      return `-m conntrack ${not(match.negated)}--ctstate ${match.states.join(',')}`;
    case 'tcpSyn':
      return `-m tcp ${not(match.negated)}--tcp-flags FIN,SYN,RST,ACK SYN`;
    case 'sourceMac':
      return `-m mac ${not(match.negated)}--mac-source ${match.mac}`;
    case 'mark':
      return `-m mark ${not(match.negated)}--mark ${hex(match.value)}/${hex(match.mask)}`;
    case 'vxlanNetwork':
      // From the IPv4 header's own length to the first byte behind it, and 12 bytes on: the id, and a reserved byte.
      return `-m u32 --u32 "0>>22&0x3C@12>>8=${hex(match.id)}"`;
    case 'destinationIsLocal':
      return `-m addrtype ${not(match.negated)}--dst-type LOCAL`;
    case 'limit':
      return `-m limit --limit ${rateText(match.perMinute)} --limit-burst ${match.burst}`;
    default:
      return assertNever(match);
  }
}

const hex = (value: number): string => `0x${value.toString(16)}`;

function protocolText(number: number): string {
  const names: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'ipv6-icmp', 132: 'sctp' };
  return names[number] ?? String(number);
}

/** One port or range is compared by the protocol's own match, which takes nf_tables a third of multiport's time. */
function portsText(
  option: 'sport' | 'dport',
  { value, negated }: Negatable<readonly PortRange[]>,
  protocol: number | undefined,
): string {
  const list = value.map(({ first, last }) => (first === last ? String(first) : `${first}:${last}`)).join(',');
  if (value.length > 1 || (protocol !== 6 && protocol !== 17))
    return `-m multiport ${not(negated)}--${option}s ${list}`;
  return `-m ${protocolText(protocol)} ${not(negated)}--${option} ${list}`;
}

function icmpText({ type, code, negated }: Extract<Match, { kind: 'icmp' }>, family: IpFamily): string {
  const value = code === undefined ? String(type) : `${type}/${code}`;
  return family === 4
    ? `-m icmp ${not(negated)}--icmp-type ${value}`
    : `-m icmp6 ${not(negated)}--icmpv6-type ${value}`;
}

/** As iptables-save writes it: by the second where it comes out even. */
const rateText = (perMinute: number): string => (perMinute % 60 === 0 ? `${perMinute / 60}/sec` : `${perMinute}/min`);

function targetText(target: Target, family: IpFamily): string {
  switch (target.kind) {
    case 'accept':
      return '-j ACCEPT';
    case 'drop':
      return '-j DROP';
    case 'return':
      return '-j RETURN';
    case 'jump':
      return `-j ${target.chain}`;
    case 'goto':
      return `-g ${target.chain}`;
    case 'setMark':
      return `-j MARK --set-xmark ${hex(target.value)}/${hex(target.mask)}`;
    case 'log':
      return `-j LOG --log-prefix "${target.prefix.replace(/[^ -~]|["\\]/g, '_')}"`;
    case 'dnat':
      return `-j DNAT --to-destination ${family === 4 ? target.address : `[${target.address}]`}:${target.port}`;
    case 'masquerade':
      return '-j MASQUERADE --random-fully';
    case 'noTrack':
      return '-j CT --notrack';
    default:
      return assertNever(target);
  }
}
