import { describe, expect, test } from '@jest/globals';
import { parseEndpointOptions } from '../../driver/endpoint-options.js';
import type { Revision } from '../../src/effects/datastore.js';
import { parseProfileName, parseTagName } from '../../src/model/ids.js';
import { defaultProfile, type Profile } from '../../src/model/profile.js';
import { parseRule } from '../../src/model/rule-grammar.js';

const profile = (name: string, more: Partial<Profile> = {}): Profile => ({
  ...defaultProfile(parseProfileName(name)),
  ...more,
});
const view = (...profiles: readonly Profile[]) => ({
  profiles: new Map(profiles.map((value) => [value.name, { value, revision: 1 as Revision }])),
  endpoints: new Map(),
});
const parse = (options: Record<string, string>, ...profiles: readonly Profile[]) =>
  parseEndpointOptions(options, view(...profiles));

test('without options an endpoint has its network’s profiles, no tags, no labels', () => {
  expect(parse({})).toEqual({ tags: [], labels: {} });
});

test('profiles keep their order, each once', () => {
  expect(parse({ 'corduroy.profiles': 'db,web,db' }, profile('web'), profile('db')).profiles).toEqual(['db', 'web']);
});

describe('a name that an old client turned into lower case', () => {
  test('is the only one that differs in case alone', () => {
    expect(parse({ 'corduroy.profiles': 'web' }, profile('WEB')).profiles).toEqual(['WEB']);
  });

  test('is itself if it is there', () => {
    expect(parse({ 'corduroy.profiles': 'web' }, profile('WEB'), profile('web')).profiles).toEqual(['web']);
  });

  test('is nobody’s if two could be meant', () => {
    expect(() => parse({ 'corduroy.profiles': 'web' }, profile('WEB'), profile('Web'))).toThrow(
      /profile web does not exist: there are WEB, Web/,
    );
  });

  test('is a tag that a profile bears or a rule names; else it is new', () => {
    const known = profile('x', {
      tags: [parseTagName('BORNE')],
      inbound: [parseRule('allow from tag NAMED')],
    });
    expect(parse({ 'corduroy.tags': 'borne,named,new' }, known).tags).toEqual(['BORNE', 'NAMED', 'new']);
  });
});

test('labels: a value may hold "=" and be empty', () => {
  expect(parse({ 'corduroy.labels': 'a=b=c,d=' }).labels).toEqual({ a: 'b=c', d: '' });
});

describe('refused', () => {
  const cases: readonly (readonly [Record<string, string>, RegExp])[] = [
    [
      { 'corduroy.profile': 'a' },
      /"corduroy.profile" is unknown: there are corduroy.profiles, corduroy.tags, corduroy.labels/,
    ],
    [{ mode: 'fast' }, /"mode" is unknown/],
    [{ 'corduroy.profiles': '' }, /"corduroy.profiles"/],
    [{ 'corduroy.profiles': 'ghost' }, /there is none yet; add it with "corduroy profile add ghost"/],
    [{ 'corduroy.tags': 'a b' }, /"a b" is not a tag/],
    [{ 'corduroy.labels': 'a' }, /"corduroy.labels" has "a": write KEY=VALUE/],
    [{ 'corduroy.labels': '=b' }, /write KEY=VALUE/],
  ];
  test.each(cases)('%j', (options, message) => {
    expect(() => parse(options)).toThrow(message);
  });
});
