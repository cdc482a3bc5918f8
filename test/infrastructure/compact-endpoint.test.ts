import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EndpointCompactor } from '../../src/infrastructure/compact-endpoint.js';
import { EndpointRecord, endpointKey } from '../../src/model/endpoint.js';
import { endpoints } from '../builders/clusters.js';
import { anEndpoint } from '../builders/policy-world.js';

const compactOf = (compactor: EndpointCompactor, endpoint: ReturnType<typeof anEndpoint>) =>
  compactor.compact(endpointKey(endpoint.node, endpoint.id), endpoint);

test('a compact endpoint says what the one said that it was made from, to who reads it and to who writes it', () => {
  const compactor = new EndpointCompactor();
  fc.assert(
    fc.property(fc.nat(200).chain(endpoints), (endpoint) => {
      const compact = compactOf(compactor, endpoint);
      expect(compact).toEqual(endpoint);
      expect(JSON.parse(EndpointRecord.encode(compact))).toEqual(JSON.parse(EndpointRecord.encode(endpoint)));
    }),
  );
});

test('it is so beyond the number of texts that are remembered', () => {
  const compactor = new EndpointCompactor();
  for (let n = 0; n < 25_000; n++) {
    const endpoint = anEndpoint(1, { labels: { a: `${n}`, b: 'x' } });
    expect(compactOf(compactor, endpoint).labels).toEqual(endpoint.labels);
  }
});

test('what two have in common is one object', () => {
  const compactor = new EndpointCompactor();
  const marks = () => JSON.parse('{"profiles":["web"],"tags":["a","b"],"published":[]}');
  const [one, other] = [compactOf(compactor, anEndpoint(1, marks())), compactOf(compactor, anEndpoint(2, marks()))];
  expect(one.profiles).toBe(other.profiles);
  expect(one.tags).toBe(other.tags);
  expect(one.published).toBe(other.published);
});
