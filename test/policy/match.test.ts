import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { tagSet } from '../../policy/ip-set-names.js';
import { compileRule, isEnforceable } from '../../policy/match.js';
import { DROP } from '../../policy/matches.js';
import { matchesPacket } from '../../policy/packet-match.js';
import type { FilterRule } from '../../src/model/chain.js';
import type { IpFamily } from '../../src/model/ip-address.js';
import { addressMember, type IpSet } from '../../src/model/ip-set.js';
import type { Packet } from '../../src/model/packet.js';
import { PROTOCOL_NUMBERS } from '../../src/model/protocol.js';
import type { ProtocolMatch, Rule } from '../../src/model/rule.js';
import { parseRule, ruleFamily } from '../../src/model/rule-grammar.js';
import { addressOf, TAGS } from '../builders/clusters.js';
import { ruleMatches } from '../builders/naive-policy.js';
import { rules } from '../builders/rules.js';

/** Addresses 0 to 3; tag number n is borne by those whose bit n is set. */
const bearers = (tag: string) => [0, 1, 2, 3].filter((n) => (n >> (TAGS.indexOf(tag as never) % 2)) & 1);
const sets = (family: IpFamily) =>
  new Map(
    TAGS.map((tag): [IpSet['name'], IpSet] => {
      const members = new Set(bearers(tag).map((n) => addressMember(addressOf(n, family))));
      return [tagSet(family, tag), { name: tagSet(family, tag), type: 'hash:ip', family, members }];
    }),
  );
const SETS = { 4: sets(4), 6: sets(6) };
const bears = (address: string, tag: string): boolean =>
  bearers(tag).some((n) => ([4, 6] as const).some((family) => addressOf(n, family) === address));

const port = fc.integer({ min: 0, max: 40 });
const shots = fc.record({
  family: fc.constantFrom<IpFamily>(4, 6),
  from: fc.nat({ max: 3 }),
  to: fc.nat({ max: 3 }),
  protocol: fc.constantFrom(1, 6, 17, 47, 58, 132),
  sourcePort: port,
  destinationPort: port,
  icmpType: fc.constantFrom(0, 8, 128),
  icmpCode: fc.constantFrom(0, 1),
  aimed: fc.boolean(),
});

/** Number of the protocol that a rule asks for, if it asks for one. */
function protocolNumber(match: ProtocolMatch): number | undefined {
  if (match.protocol === 'any') return undefined;
  return match.protocol === 'number' || match.protocol === 'not' ? match.number : PROTOCOL_NUMBERS[match.protocol];
}

/** An aimed packet is of the family and the protocol that the rule is about. */
function packetOf(
  { from, to, aimed, ...shot }: typeof shots extends fc.Arbitrary<infer S> ? S : never,
  rule: Rule,
): Packet {
  const family = (aimed ? ruleFamily(rule) : undefined) ?? shot.family;
  const protocol = (aimed ? protocolNumber(rule.match) : undefined) ?? shot.protocol;
  return {
    ...shot,
    family,
    protocol,
    source: addressOf(from, family),
    destination: addressOf(to, family),
    conntrack: 'NEW',
  };
}

const smallRules = rules({
  tags: TAGS,
  ports: port,
  selectors: [],
  sets: false,
  cidrs: (family) =>
    fc.constantFrom(
      ...(family === 4 ? ['0.0.0.0/0', '10.64.0.0/30', '10.64.0.2/32'] : ['::/0', 'fd80::/126', 'fd80::2/128']),
    ),
});

const anyMatches = (compiled: readonly FilterRule[], packet: Packet): boolean =>
  compiled.some(({ matches }) => matches.every((match) => matchesPacket(match, packet, 0, SETS[packet.family])));

describe('compileRule', () => {
  test('the filter rules match what the rule means, for each family', () => {
    let hits = 0;
    fc.assert(
      fc.property(smallRules, fc.array(shots, { minLength: 20, maxLength: 20 }), (rule, sent) => {
        for (const shot of sent) {
          const packet = packetOf(shot, rule);
          const expected = ruleMatches(rule, packet, bears);
          if (expected) hits++;
          expect({ packet, matched: anyMatches(compileRule(rule, packet.family, DROP), packet) }).toEqual({
            packet,
            matched: expected,
          });
        }
      }),
      { numRuns: 400 },
    );
    expect(hits).toBeGreaterThan(300);
  });

  test('no multiport match has more than 15 slots', () => {
    fc.assert(
      fc.property(smallRules, (rule) => {
        for (const { matches } of [4, 6].flatMap((family) => compileRule(rule, family as IpFamily, DROP))) {
          for (const match of matches) {
            if (match.kind !== 'sourcePorts' && match.kind !== 'destinationPorts') continue;
            const slots = match.ports.value.reduce((sum, { first, last }) => sum + (first === last ? 1 : 2), 0);
            expect(slots).toBeLessThanOrEqual(15);
          }
        }
      }),
    );
  });

  test.each([
    ['allow from set office', []],
    ['log to set office', []],
    ['deny from not set office', [{ matches: [], target: DROP }]],
    ['pass tcp to set office', [{ matches: [], target: DROP }]],
  ])('what cannot be enforced opens nothing: "%s"', (text, expected) => {
    const rule = parseRule(text);
    expect(isEnforceable(rule)).toBe(false);
    const compiled = compileRule(rule, 4, { kind: 'return' }).map(({ matches, target }) => ({ matches, target }));
    expect(compiled).toEqual(expected);
  });
});
