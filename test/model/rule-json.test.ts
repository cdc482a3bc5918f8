import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { InvalidRequestError } from '../../src/model/errors.js';
import { parseProfileName } from '../../src/model/ids.js';
import { defaultProfile } from '../../src/model/profile.js';
import { formatRule, parseRule } from '../../src/model/rule-grammar.js';
import { ruleFromJson, rulesFromJson, rulesToJson, ruleToJson } from '../../src/model/rule-json.js';
import { rules } from '../builders/rules.js';

describe("calicoctl's JSON form of rules", () => {
  test('a profile prints as calicoctl printed it', () => {
    expect(rulesToJson(defaultProfile(parseProfileName('WEB')))).toEqual({
      id: 'WEB',
      inbound_rules: [{ action: 'allow', src_tag: 'WEB' }],
      outbound_rules: [{ action: 'allow' }],
    });
  });

  test.each([
    ['deny tcp to ports 80,443,2048:4000', { action: 'deny', protocol: 'tcp', dst_ports: [80, 443, '2048:4000'] }],
    ['allow icmp not type 8 code 0', { action: 'allow', protocol: 'icmp', '!icmp_type': 8, '!icmp_code': 0 }],
    ['allow not udp from not cidr 10.0.0.0/8', { action: 'allow', '!protocol': 'udp', '!src_net': '10.0.0.0/8' }],
    ['pass to selector \'a == "b"\'', { action: 'pass', dst_selector: 'a == "b"' }],
  ])('"%s" is written with its keys', (text, json) => {
    expect(ruleToJson(parseRule(text))).toEqual(json);
    expect(ruleFromJson(json)).toEqual(parseRule(text));
  });

  test('every rule reads back from its JSON', () => {
    fc.assert(
      fc.property(rules(), (rule) => {
        expect(ruleFromJson(JSON.parse(JSON.stringify(ruleToJson(rule))))).toEqual(rule);
      }),
    );
  });

  test.each([
    [{ action: 'next-tier' }, 'pass'],
    [{ action: 'allow', protocol: 17, dst_ports: '53' }, 'allow udp to ports 53'],
    [{ action: 'allow', protocol: '1', icmp_type: '8' }, 'allow icmp type 8'],
  ])('%j is read as "%s"', (json, text) => {
    expect(formatRule(ruleFromJson(json))).toBe(text);
  });

  test.each([
    [{ action: 'permit' }, /inbound rule 1 cannot be read: field "action"/],
    [{ action: 'allow', source: 'x' }, /inbound rule 1 cannot be read.*source/],
    [{ action: 'allow', src_tag: 'a', '!src_tag': 'b' }, /has both "src_tag" and "!src_tag"/],
    [{ action: 'allow', src_tag: 'a to tag b' }, /inbound rule 1 is not a rule: .*a to tag b/],
    [{ action: 'allow', src_selector: `a'b"c` }, /inbound rule 1 is not a rule/],
    [{ action: 'allow', dst_ports: [80] }, /ports only after tcp, udp or sctp/],
    [{ action: 'allow', icmp_type: 8 }, /inbound rule 1 is not a rule/],
    [{ action: 'allow', protocol: 'icmp', icmp_type: 8, '!icmp_code': 0 }, /negate both, or neither/],
  ])('%j is refused with its place', (json, message) => {
    const reading = () => rulesFromJson({ inbound_rules: [json], outbound_rules: [] });
    expect(reading).toThrow(InvalidRequestError);
    expect(reading).toThrow(message);
  });

  test('a profile reads back from its JSON, with rules as texts among it, and without a direction', () => {
    const { inbound_rules, outbound_rules } = rulesToJson(defaultProfile(parseProfileName('WEB')));
    expect(rulesFromJson({ inbound_rules: [...inbound_rules, 'deny udp'], outbound_rules })).toEqual({
      inbound: [parseRule('allow from tag WEB'), parseRule('deny udp')],
      outbound: [parseRule('allow')],
    });
    expect(rulesFromJson({ outbound_rules })).toEqual({ outbound: [parseRule('allow')] });
  });

  test('what is not a set of rules is refused with the form that is expected', () => {
    expect(() => rulesFromJson([])).toThrow(/write \{"inbound_rules": \[\.\.\.\]/);
  });
});
