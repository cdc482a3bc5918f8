import { z } from 'zod';
import { InvalidRequestError } from './errors.js';
import type { Profile } from './profile.js';
import { protocolName } from './protocol.js';
import { describeIssues } from './record.js';
import type { Negatable, PeerMatch, PortRange, Rule } from './rule.js';
import { parseRule } from './rule-grammar.js';

/** One rule in the JSON that calicoctl printed and took; a key with `!` before it means the opposite. */
export type RuleJson = Readonly<Record<string, string | number | readonly (string | number)[]>>;

/** What `calicoctl profile NAME rule json` printed, and `rule update` took. */
export interface RulesJson {
  readonly id: string;
  readonly inbound_rules: readonly RuleJson[];
  readonly outbound_rules: readonly RuleJson[];
}

const text = z.string().min(1).max(1024);
const number = z.union([z.int().min(0).max(255), z.string().regex(/^\d{1,3}$/)]);
const ports = z.union([text, z.int(), z.array(z.union([z.int(), text])).min(1)]);

const positive = {
  protocol: z.union([z.int().min(1).max(255), text]),
  ...{ src_tag: text, src_selector: text, src_set: text, src_net: text, src_ports: ports },
  ...{ dst_tag: text, dst_selector: text, dst_set: text, dst_net: text, dst_ports: ports },
  icmp_type: number,
  icmp_code: number,
};
const KEYS = Object.keys(positive).join(', ');
const negative = Object.fromEntries(Object.entries(positive).map(([key, value]) => [`!${key}`, value]));

/** Of one direction of one profile: more would be no policy that anyone reads. */
export const MAX_RULES = 1_000;

const ruleSchema = z.strictObject({
  action: z.enum(['allow', 'deny', 'log', 'pass', 'next-tier']),
  ...z.object({ ...positive, ...negative }).partial().shape,
});
const rulesSchema = z.strictObject({
  id: z.string().optional(),
  inbound_rules: z.array(z.unknown()).max(MAX_RULES).optional(),
  outbound_rules: z.array(z.unknown()).max(MAX_RULES).optional(),
});

/** A profile's rules in calicoctl's JSON. */
export const rulesToJson = ({
  name,
  inbound,
  outbound,
}: Pick<Profile, 'name' | 'inbound' | 'outbound'>): RulesJson => ({
  id: name,
  inbound_rules: inbound.map(ruleToJson),
  outbound_rules: outbound.map(ruleToJson),
});

/**
 * The rules that the JSON means; undefined for a direction that it does not have. Each rule is JSON or a text. The id is
 * not looked at, so that one profile's rules can be given to another.
 *
 * @throws InvalidRequestError naming the rule by its place, and its field
 */
export function rulesFromJson(json: unknown): { readonly [K in 'inbound' | 'outbound']?: readonly Rule[] | undefined } {
  const result = rulesSchema.safeParse(json);
  if (!result.success) {
    throw new InvalidRequestError(
      `the rules cannot be read: ${describeIssues(result.error)}; write {"inbound_rules": [...], "outbound_rules": [...]}`,
    );
  }
  const { inbound_rules, outbound_rules } = result.data;
  return {
    inbound: inbound_rules?.map((rule, i) => ruleOf(rule, `inbound rule ${i + 1}`)),
    outbound: outbound_rules?.map((rule, i) => ruleOf(rule, `outbound rule ${i + 1}`)),
  };
}

const ruleOf = (rule: unknown, place: string): Rule =>
  typeof rule === 'string' ? ruleFromText(rule, place) : ruleFromJson(rule, place);

export function ruleToJson({ action, match, source, destination }: Rule): RuleJson {
  const hasPorts = match.protocol === 'tcp' || match.protocol === 'udp' || match.protocol === 'sctp';
  const icmp = match.protocol === 'icmp' || match.protocol === 'icmpv6' ? match.icmp : undefined;
  return {
    action,
    ...protocolToJson(match),
    ...peerToJson('src', source, hasPorts ? match.sourcePorts : undefined),
    ...peerToJson('dst', destination, hasPorts ? match.destinationPorts : undefined),
    ...entry('icmp_type', icmp && { value: icmp.value.type, negated: icmp.negated }),
    ...entry(
      'icmp_code',
      icmp?.value.code === undefined ? undefined : { value: icmp.value.code, negated: icmp.negated },
    ),
  };
}

function protocolToJson(match: Rule['match']): RuleJson {
  if (match.protocol === 'any') return {};
  if (match.protocol === 'number') return { protocol: match.number };
  if (match.protocol === 'not') return { '!protocol': protocolName(match.number) ?? match.number };
  return { protocol: match.protocol };
}

const peerToJson = (
  side: 'src' | 'dst',
  peer: PeerMatch,
  portMatch: Negatable<readonly PortRange[]> | undefined,
): RuleJson => ({
  ...entry(`${side}_ports`, portMatch && { ...portMatch, value: portMatch.value.map(portToJson) }),
  ...entry(`${side}_tag`, peer.tag),
  ...entry(`${side}_selector`, peer.selector),
  ...entry(`${side}_set`, peer.set),
  ...entry(`${side}_net`, peer.cidr),
});

const portToJson = ({ first, last }: PortRange): number | string => (first === last ? first : `${first}:${last}`);

const entry = (key: string, match: Negatable<RuleJson[string]> | undefined): RuleJson =>
  match === undefined ? {} : { [match.negated ? `!${key}` : key]: match.value };

/**
 * The rule that the JSON means: its words are put together as a rule's text, so that one parser judges both.
 *
 * @throws InvalidRequestError beginning with `place`
 */
export function ruleFromJson(json: unknown, place = 'the rule'): Rule {
  const result = ruleSchema.safeParse(json);
  if (!result.success) {
    const problem = describeIssues(result.error, '');
    throw new InvalidRequestError(`${place} cannot be read: ${problem}; its keys are action, ${KEYS}, "!" negates`);
  }
  const fields = new Map(Object.entries(result.data)) as Map<string, string | number | readonly (string | number)[]>;
  for (const key of fields.keys()) {
    if (!fields.has(`!${key}`)) continue;
    throw new InvalidRequestError(
      `${place} has both "${key}" and "!${key}": write two rules, the first of them a deny`,
    );
  }
  const action = result.data.action === 'next-tier' ? 'pass' : result.data.action;
  const words = [
    action,
    ...protocolWords(fields, place),
    ...sideWords(fields, 'src', 'from'),
    ...sideWords(fields, 'dst', 'to'),
  ];
  return ruleFromText(words.join(' '), place);
}

function ruleFromText(text: string, place: string): Rule {
  try {
    return parseRule(text);
  } catch (cause) {
    if (!(cause instanceof InvalidRequestError)) throw cause;
    throw new InvalidRequestError(`${place} is not a rule: ${cause.message}`, { cause });
  }
}

type Fields = ReadonlyMap<string, string | number | readonly (string | number)[]>;

function protocolWords(fields: Fields, place: string): readonly string[] {
  const [type, code] = [negatableField(fields, 'icmp_type'), negatableField(fields, 'icmp_code')];
  if (type !== undefined && code !== undefined && type.negated !== code.negated) {
    throw new InvalidRequestError(`${place} negates one of the ICMP type and code: negate both, or neither`);
  }
  return [
    ...fieldWords(fields, 'protocol', ''),
    ...(type?.negated ? ['not'] : []),
    ...(type === undefined ? [] : ['type', word(type.value)]),
    ...(code === undefined ? [] : ['code', word(code.value)]),
  ];
}

function sideWords(fields: Fields, side: 'src' | 'dst', keyword: 'from' | 'to'): readonly string[] {
  const words = [
    ...fieldWords(fields, `${side}_ports`, 'ports'),
    ...fieldWords(fields, `${side}_tag`, 'tag'),
    ...fieldWords(fields, `${side}_selector`, 'selector'),
    ...fieldWords(fields, `${side}_set`, 'set'),
    ...fieldWords(fields, `${side}_net`, 'cidr'),
  ];
  return words.length === 0 ? [] : [keyword, ...words];
}

function fieldWords(fields: Fields, key: string, keyword: string): readonly string[] {
  const field = negatableField(fields, key);
  if (field === undefined) return [];
  const value = keyword === 'selector' ? quote(String(field.value)) : word(field.value);
  return [...(field.negated ? ['not'] : []), ...(keyword === '' ? [] : [keyword]), value];
}

function negatableField(fields: Fields, key: string): Negatable<RuleJson[string]> | undefined {
  const value = fields.get(key);
  const negated = fields.get(`!${key}`);
  if (value !== undefined) return { value, negated: false };
  return negated === undefined ? undefined : { value: negated, negated: true };
}

/** One word of a rule: a value with spaces would be read as several, and is made one that no parser takes. */
const word = (value: RuleJson[string]): string => {
  const joined = Array.isArray(value) ? value.join(',') : String(value);
  return /^[^\s'"]+$/.test(joined) ? joined : JSON.stringify(joined);
};

const quote = (selector: string): string => (selector.includes("'") ? `"${selector}"` : `'${selector}'`);
