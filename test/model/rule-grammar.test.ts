import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatRule, parseRule } from '../../src/model/rule-grammar.js';
import { RuleSyntaxError } from '../../src/model/rule-tokens.js';
import { rules } from '../builders/rules.js';

const any = { protocol: 'any' };

describe('parseRule', () => {
  test.each([
    ['allow', { action: 'allow', match: any, source: {}, destination: {} }],
    [
      'allow from tag WEB',
      { action: 'allow', match: any, source: { tag: { value: 'WEB', negated: false } }, destination: {} },
    ],
    [
      'allow tcp to ports 80,443',
      {
        action: 'allow',
        match: {
          protocol: 'tcp',
          destinationPorts: {
            value: [
              { first: 80, last: 80 },
              { first: 443, last: 443 },
            ],
            negated: false,
          },
        },
        source: {},
        destination: {},
      },
    ],
    [
      'deny icmp not type 8 code 0 from not cidr 10.0.0.0/8 to 192.168.1.1',
      {
        action: 'deny',
        match: { protocol: 'icmp', icmp: { value: { type: 8, code: 0 }, negated: true } },
        source: { cidr: { value: '10.0.0.0/8', negated: true } },
        destination: { cidr: { value: '192.168.1.1/32', negated: false } },
      },
    ],
    [
      'pass sctp from not ports 1,2:3 selector \'role == "db"\' to set office',
      {
        action: 'pass',
        match: {
          protocol: 'sctp',
          sourcePorts: {
            value: [
              { first: 1, last: 1 },
              { first: 2, last: 3 },
            ],
            negated: true,
          },
        },
        source: { selector: { value: 'role == "db"', negated: false } },
        destination: { set: { value: 'office', negated: false } },
      },
    ],
    ['log not tcp', { action: 'log', match: { protocol: 'not', number: 6 }, source: {}, destination: {} }],
    ['allow 47', { action: 'allow', match: { protocol: 'number', number: 47 }, source: {}, destination: {} }],
  ])('understands "%s"', (text, rule) => {
    expect(parseRule(text)).toEqual(rule);
  });

  test.each([
    ['allow tcp to ports 2048-4000', 'allow tcp to ports 2048:4000'],
    ['allow 6', 'allow tcp'],
    ['allow not 1', 'allow not icmp'],
    ['  deny   tcp from   ports 1 , 2,  3 ', 'deny tcp from ports 1,2,3'],
    ['allow from cidr FD80:C0DE:0::/48', 'allow from cidr fd80:c0de::/48'],
    ['allow from 10.0.0.1 tag A', 'allow from tag A cidr 10.0.0.1/32'],
    ['allow icmp6 type 128', 'allow icmpv6 type 128'],
    ['allow from tag to to tag from', 'allow from tag to to tag from'],
  ])('reads "%s" as "%s"', (text, canonical) => {
    expect(formatRule(parseRule(text))).toBe(canonical);
  });

  test.each([
    ['', 1, '"allow", "deny"'],
    ['permit tcp', 1, '"allow", "deny"'],
    ['allow tpc', 7, 'a protocol'],
    ['allow 256', 7, 'a protocol'],
    ['allow 0', 7, 'from 1 to 255'],
    ['deny not 0', 10, 'from 1 to 255'],
    ['allow tcp to port 80', 14, '"ports", "tag"'],
    ['allow to ports 80', 10, 'tcp, udp or sctp'],
    ['allow icmp to ports 80', 15, 'tcp, udp or sctp'],
    ['allow tcp to ports 80,', 23, 'ports from 0'],
    ['allow tcp to ports 80,x', 20, 'ports from 0'],
    ['allow tcp to ports 443:80', 20, 'ports from 0'],
    ['allow tcp to ports 65536', 20, 'ports from 0'],
    ['allow tcp to ports 80 ports 81', 23, 'only one "ports"'],
    ['allow from', 11, '"ports", "tag"'],
    ['allow from to tag A', 12, '"ports", "tag"'],
    ['allow from tag', 15, 'a tag'],
    ['allow from tag -x', 16, 'a tag'],
    ['allow from not', 15, '"ports", "tag"'],
    ['allow from 10.0.0.1/8', 12, 'did you mean 10.0.0.0/8'],
    ['allow from 10.0.0.0/8 to fd00::/8', 1, 'one IP version'],
    ['allow icmp from fd00::/8', 1, 'one IP version'],
    ['allow icmpv6 to 10.0.0.0/8', 1, 'one IP version'],
    ['allow icmp type 255', 17, 'from 0 to 254'],
    ['allow icmp code 0', 12, '"type", "from" or "to"'],
    ['allow icmp type 8 code 256', 24, 'from 0 to 255'],
    ['allow tcp type 8', 11, '"from" or "to"'],
    ['allow to tag A from tag B', 16, '"ports", "tag"'],
    ['allow from selector role', 21, 'quotation marks'],
    ["allow from selector 'role", 21, 'closing quotation mark'],
    ["allow from selector ''", 21, 'a selector in quotation marks'],
    ['allow from selector \'role = "db"\'', 27, 'one of == != &&'],
    ["allow from 'tag' A", 12, '"ports", "tag"'],
  ])('says where "%s" goes wrong', (text, column, expected) => {
    let error: unknown;
    try {
      parseRule(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(RuleSyntaxError);
    expect((error as RuleSyntaxError).column).toBe(column);
    expect((error as RuleSyntaxError).message).toContain(expected);
  });

  test('refuses a text longer than any rule', () => {
    expect(() => parseRule(`allow from tag ${'a'.repeat(9000)}`)).toThrow(/at most 8192 characters/);
  });

  test('reads back every rule that formatRule writes', () => {
    fc.assert(
      fc.property(rules(), (rule) => {
        expect(parseRule(formatRule(rule))).toEqual(rule);
      }),
    );
  });

  test('answers any text with a rule or a RuleSyntaxError', () => {
    const words = fc.constantFrom(
      ...'allow deny tcp icmp type code from to not ports tag selector set cidr 80 1,2 A'.split(' '),
      "'x'",
      '10.0.0.0/8',
      ',',
      '"',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(words).map((list) => list.join(' ')),
        ),
        (text) => {
          try {
            formatRule(parseRule(text));
          } catch (error) {
            expect(error).toBeInstanceOf(RuleSyntaxError);
          }
        },
      ),
    );
  });
});
