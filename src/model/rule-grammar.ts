import { assertNever } from './assert-never.js';
import { type Cidr, hostCidr, parseCidr } from './cidr.js';
import { InvalidRequestError } from './errors.js';
import { parseTagName } from './ids.js';
import { familyOf, type IpFamily, ipAddressOrUndefined } from './ip-address.js';
import { protocolName, protocolNumberOf } from './protocol.js';
import type { Negatable, PeerMatch, PortRange, ProtocolMatch, Rule, RuleAction } from './rule.js';
import { RuleSyntaxError, type RuleToken, RuleTokens } from './rule-tokens.js';
import { parseSelectorText, type SelectorText } from './selector.js';
import { SelectorSyntaxError } from './selector-tokens.js';

type Ports = Negatable<readonly PortRange[]>;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** One side of a rule as it is read: its ports move to the protocol match, which decides whether it may have any. */
type PeerClauses = Mutable<PeerMatch> & { ports?: Ports };

const ACTIONS: readonly string[] = ['allow', 'deny', 'log', 'pass'] satisfies RuleAction[];
const EXPECTED_CLAUSE = '"ports", "tag", "selector", "set", "cidr", a CIDR, or "not" before one of them';

/**
 * The rule that calicoctl's grammar, with ours on top, means by a text:
 *
 *     allow|deny|log|pass [[not] tcp|udp|sctp|icmp|icmpv6|1-255] [[not] type N [code N]] [from CLAUSE...] [to CLAUSE...]
 *     CLAUSE: [not] ports 80,443,2048:4000 | tag T | selector 'S' | set N | [cidr] CIDR      each at most once a side
 *
 * @throws RuleSyntaxError with the column and what could stand there
 */
export function parseRule(text: string): Rule {
  const tokens = new RuleTokens(text);
  const action = parseAction(tokens);
  const protocol = parseProtocol(tokens);
  const source = tokens.takeWord('from') ? parsePeer(tokens, protocol) : {};
  const destination = tokens.takeWord('to') ? parsePeer(tokens, protocol) : {};
  if (!tokens.ended) tokens.fail(expectedAfter(protocol, source, destination));
  const rule: Rule = {
    action,
    match: withPorts(protocol, source.ports, destination.ports),
    source: peerOf(source),
    destination: peerOf(destination),
  };
  const families = new Set(familiesNamed(rule));
  if (families.size > 1) {
    throw new RuleSyntaxError(text, 1, 'IPv4 and IPv6 in one rule', 'one IP version: write one rule for each');
  }
  return rule;
}

/** The IP version that a rule is about; undefined: both. */
export const ruleFamily = (rule: Rule): IpFamily | undefined => familiesNamed(rule)[0];

function familiesNamed(rule: Rule): IpFamily[] {
  const families: IpFamily[] = [];
  if (rule.match.protocol === 'icmp') families.push(4);
  if (rule.match.protocol === 'icmpv6') families.push(6);
  for (const peer of [rule.source, rule.destination]) if (peer.cidr) families.push(familyOf(peer.cidr.value));
  return families;
}

function parseAction(tokens: RuleTokens): RuleAction {
  const expected = '"allow", "deny", "log" or "pass"';
  const token = tokens.take(expected);
  return ACTIONS.includes(token.text) ? (token.text as RuleAction) : tokens.fail(expected, token);
}

function parseProtocol(tokens: RuleTokens): ProtocolMatch {
  if (tokens.ended || tokens.peek() === 'from' || tokens.peek() === 'to') return { protocol: 'any' };
  const expected = '"from", "to", or a protocol: tcp, udp, sctp, icmp, icmpv6, or its number from 1 to 255';
  const negated = tokens.takeWord('not');
  const token = tokens.take(expected);
  const number = protocolNumberOf(token.text);
  if (number === undefined || token.quoted) return tokens.fail(expected, token);
  if (negated) return { protocol: 'not', number };
  const name = protocolName(number);
  if (name === undefined) return { protocol: 'number', number };
  return name === 'icmp' || name === 'icmpv6' ? { protocol: name, ...parseIcmp(tokens) } : { protocol: name };
}

function parseIcmp(tokens: RuleTokens): { icmp?: Negatable<{ type: number; code?: number }> } {
  const negated = tokens.peek(1) === 'type' && tokens.takeWord('not');
  if (!tokens.takeWord('type')) return {};
  // the kernel's icmp match reads type 255 as "any type"
  const type = parseNumber(tokens, 254, 'an ICMP type from 0 to 254');
  if (!tokens.takeWord('code')) return { icmp: { value: { type }, negated } };
  return { icmp: { value: { type, code: parseNumber(tokens, 255, 'an ICMP code from 0 to 255') }, negated } };
}

function parseNumber(tokens: RuleTokens, max: number, expected: string): number {
  const token = tokens.take(expected);
  const valid = /^(0|[1-9]\d{0,2})$/.test(token.text) && Number(token.text) <= max;
  return valid ? Number(token.text) : tokens.fail(expected, token);
}

function parsePeer(tokens: RuleTokens, protocol: ProtocolMatch): PeerClauses {
  const peer: PeerClauses = {};
  do parseClause(tokens, protocol, peer);
  while (!tokens.ended && tokens.peek() !== 'to');
  return peer;
}

function parseClause(tokens: RuleTokens, protocol: ProtocolMatch, peer: PeerClauses): void {
  const negated = tokens.takeWord('not');
  const keyword = tokens.take(EXPECTED_CLAUSE);
  const once = (field: keyof PeerClauses): void => {
    if (peer[field] !== undefined) tokens.fail(`only one "${field}" on this side of the rule`, keyword);
  };
  switch (keyword.quoted ? '' : keyword.text) {
    case 'ports':
      once('ports');
      if (!hasPorts(protocol)) tokens.fail('ports only after tcp, udp or sctp: name the protocol first', keyword);
      peer.ports = { value: parsePorts(tokens), negated };
      return;
    case 'tag':
      once('tag');
      peer.tag = { value: parsedBy(tokens, parseTagName, 'a tag'), negated };
      return;
    case 'selector':
      once('selector');
      peer.selector = { value: parseQuotedSelector(tokens), negated };
      return;
    case 'set':
      once('set');
      peer.set = { value: parsedBy(tokens, parseTagName, 'the name of a network set'), negated };
      return;
    case 'cidr':
      once('cidr');
      peer.cidr = { value: parsedBy(tokens, parseCidrOrAddress, 'a CIDR'), negated };
      return;
    default:
      if (!/[.:/]/.test(keyword.text)) tokens.fail(EXPECTED_CLAUSE, keyword);
      once('cidr');
      peer.cidr = { value: readToken(tokens, keyword, parseCidrOrAddress, 'a CIDR'), negated };
  }
}

const hasPorts = (match: ProtocolMatch): match is Extract<ProtocolMatch, { protocol: 'tcp' | 'udp' | 'sctp' }> =>
  match.protocol === 'tcp' || match.protocol === 'udp' || match.protocol === 'sctp';

function parsePorts(tokens: RuleTokens): readonly PortRange[] {
  const expected = 'ports from 0 to 65535 and ranges, such as 80,443,2048:4000';
  const list = tokens.takeList(expected);
  return list.text.split(',').map((item): PortRange => {
    const [, first = '', last = first] = /^(\d{1,5})(?:[:-](\d{1,5}))?$/.exec(item) ?? [];
    const range = { first: Number(first), last: Number(last) };
    if (first === '' || range.first > range.last || range.last > 65_535) return tokens.fail(expected, list);
    return range;
  });
}

function parseQuotedSelector(tokens: RuleTokens): SelectorText {
  const expected = 'a selector in quotation marks';
  const token = tokens.take(expected);
  if (!token.quoted || token.text.trim() === '') return tokens.fail(expected, token);
  try {
    return parseSelectorText(token.text);
  } catch (error) {
    if (error instanceof SelectorSyntaxError) tokens.failInside(token, error);
    throw error;
  }
}

function parseCidrOrAddress(text: string): Cidr {
  const address = ipAddressOrUndefined(text);
  return address === undefined ? parseCidr(text) : hostCidr(address);
}

const parsedBy = <T>(tokens: RuleTokens, parse: (text: string) => T, expected: string): T =>
  readToken(tokens, tokens.take(expected), parse, expected);

function readToken<T>(tokens: RuleTokens, token: RuleToken, parse: (text: string) => T, expected: string): T {
  try {
    return parse(token.text);
  } catch (error) {
    if (!(error instanceof InvalidRequestError)) throw error;
    return tokens.fail(`${expected} (${error.message})`, token);
  }
}

function withPorts(match: ProtocolMatch, sourcePorts?: Ports, destinationPorts?: Ports): ProtocolMatch {
  if (!hasPorts(match)) return match;
  return { ...match, ...(sourcePorts && { sourcePorts }), ...(destinationPorts && { destinationPorts }) };
}

const peerOf = ({ ports: _, ...peer }: PeerClauses): PeerMatch => peer;

function expectedAfter(protocol: ProtocolMatch, source: PeerClauses, destination: PeerClauses): string {
  if (Object.keys(destination).length > 0) return 'the end of the rule';
  if (Object.keys(source).length > 0) return '"to" or the end of the rule';
  if (protocol.protocol !== 'icmp' && protocol.protocol !== 'icmpv6') return '"from" or "to"';
  return protocol.icmp === undefined ? '"type", "from" or "to"' : '"code", "from" or "to"';
}

/** The rule's one canonical text: `parseRule(formatRule(rule))` equals the rule. */
export function formatRule(rule: Rule): string {
  const ports: { sourcePorts?: Ports | undefined; destinationPorts?: Ports | undefined } = hasPorts(rule.match)
    ? rule.match
    : {};
  return [
    rule.action,
    ...formatProtocol(rule.match),
    ...formatPeer('from', rule.source, ports.sourcePorts),
    ...formatPeer('to', rule.destination, ports.destinationPorts),
  ].join(' ');
}

function formatProtocol(match: ProtocolMatch): string[] {
  switch (match.protocol) {
    case 'any':
      return [];
    case 'tcp':
    case 'udp':
    case 'sctp':
      return [match.protocol];
    case 'icmp':
    case 'icmpv6':
      return [match.protocol, ...formatIcmp(match.icmp)];
    case 'number':
      return [String(match.number)];
    case 'not':
      return ['not', protocolName(match.number) ?? String(match.number)];
    default:
      return assertNever(match);
  }
}

function formatIcmp(icmp: Extract<ProtocolMatch, { protocol: 'icmp' | 'icmpv6' }>['icmp']): string[] {
  if (icmp === undefined) return [];
  const code = icmp.value.code === undefined ? [] : ['code', String(icmp.value.code)];
  return [...(icmp.negated ? ['not'] : []), 'type', String(icmp.value.type), ...code];
}

function formatPeer(side: 'from' | 'to', peer: PeerMatch, ports: Ports | undefined): string[] {
  const clauses = [
    ...clause('ports', ports, formatPorts),
    ...clause('tag', peer.tag, String),
    ...clause('selector', peer.selector, quote),
    ...clause('set', peer.set, String),
    ...clause('cidr', peer.cidr, String),
  ];
  return clauses.length === 0 ? [] : [side, ...clauses];
}

const clause = <T>(keyword: string, match: Negatable<T> | undefined, format: (value: T) => string): string[] =>
  match === undefined ? [] : [...(match.negated ? ['not'] : []), keyword, format(match.value)];

const quote = (text: string): string => (text.includes("'") ? `"${text}"` : `'${text}'`);

/** `80,443,2048:4000` */
const formatPorts = (ports: readonly PortRange[]): string =>
  ports.map(({ first, last }) => (first === last ? String(first) : `${first}:${last}`)).join(',');
