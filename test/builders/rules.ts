import fc from 'fast-check';
import { networkOf } from '../../src/model/cidr.js';
import { parseTagName } from '../../src/model/ids.js';
import { ADDRESS_BITS, bigIntToIp, type IpFamily } from '../../src/model/ip-address.js';
import type { Negatable, PeerMatch, PortRange, ProtocolMatch, Rule } from '../../src/model/rule.js';
import { parseSelectorText, type SelectorText } from '../../src/model/selector.js';

/** What a random rule may speak of; the defaults are everything the grammar knows. */
export interface RuleMakings {
  readonly tags?: readonly string[];
  readonly cidrs?: (family: IpFamily) => fc.Arbitrary<string>;
  /** Small, to make random packets hit. */
  readonly ports?: fc.Arbitrary<number>;
  /** None: no rule has one. */
  readonly selectors?: readonly SelectorText[];
  readonly sets?: boolean;
}

const NAMED_NUMBERS = [1, 6, 17, 58, 132];

const negatable = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<Negatable<T>> =>
  fc.record({ value, negated: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)) });

const optional = <K extends string, T>(key: K, value: fc.Arbitrary<T>): fc.Arbitrary<{ [k in K]?: T }> =>
  fc.option(value, { nil: undefined }).map((v) => (v === undefined ? {} : { [key]: v })) as fc.Arbitrary<{
    [k in K]?: T;
  }>;

const anyCidr = (family: IpFamily): fc.Arbitrary<string> =>
  fc
    .tuple(fc.bigInt(0n, (1n << BigInt(ADDRESS_BITS[family])) - 1n), fc.integer({ min: 0, max: ADDRESS_BITS[family] }))
    .map(([value, length]) => networkOf(bigIntToIp(family, value), length));

const portRanges = (port: fc.Arbitrary<number>): fc.Arbitrary<readonly PortRange[]> =>
  fc.array(
    fc.tuple(port, port).map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) })),
    { minLength: 1, maxLength: 24 },
  );

/** Rules in canonical form: `parseRule(formatRule(rule))` equals the rule. */
export function rules(makings: RuleMakings = {}): fc.Arbitrary<Rule> {
  const tag = (
    makings.tags === undefined
      ? fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,20}$/)
      : fc.constantFrom(...makings.tags)
  ).map(parseTagName);
  const ports = negatable(portRanges(makings.ports ?? fc.integer({ min: 0, max: 65_535 })));
  return fc.oneof({ weight: 3, arbitrary: fc.constant<IpFamily>(4) }, fc.constant<IpFamily>(6)).chain((family) => {
    const peer = peers(tag, (makings.cidrs ?? anyCidr)(family), makings);
    return fc.record({
      action: fc.constantFrom('allow', 'deny', 'log', 'pass'),
      match: protocols(family, ports),
      source: peer,
      destination: peer,
    });
  }) as fc.Arbitrary<Rule>;
}

const ANY_SELECTORS = ['role == "db"', 'has(x) && !(y in {"1", "2"})', "name starts with 'a'"].map(parseSelectorText);

function peers(
  tag: fc.Arbitrary<string>,
  cidr: fc.Arbitrary<string>,
  { selectors = ANY_SELECTORS, sets = true }: RuleMakings,
): fc.Arbitrary<PeerMatch> {
  const none = fc.constant({});
  return fc
    .tuple(
      optional('tag', negatable(tag)),
      optional('cidr', negatable(cidr)),
      selectors.length > 0 ? optional('selector', negatable(fc.constantFrom(...selectors))) : none,
      sets ? optional('set', negatable(tag)) : none,
    )
    .map((parts) => Object.assign({}, ...parts));
}

function protocols(
  family: IpFamily,
  ports: fc.Arbitrary<Negatable<readonly PortRange[]>>,
): fc.Arbitrary<ProtocolMatch> {
  const number = fc.integer({ min: 1, max: 255 });
  const icmp = negatable(
    fc.oneof(
      fc.record({ type: fc.integer({ min: 0, max: 254 }) }),
      fc.record({ type: fc.constantFrom(0, 8, 128), code: fc.constantFrom(0, 1) }),
    ),
  );
  return fc.oneof(
    fc.constant({ protocol: 'any' as const }),
    fc
      .tuple(
        fc.constantFrom('tcp' as const, 'udp' as const, 'sctp' as const),
        optional('sourcePorts', ports),
        optional('destinationPorts', ports),
      )
      .map(([protocol, from, to]) => ({ protocol, ...from, ...to })),
    optional('icmp', icmp).map((type) => ({
      protocol: family === 4 ? ('icmp' as const) : ('icmpv6' as const),
      ...type,
    })),
    number.filter((n) => !NAMED_NUMBERS.includes(n)).map((n) => ({ protocol: 'number' as const, number: n })),
    number.map((n) => ({ protocol: 'not' as const, number: n })),
  );
}
