import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RecordCompactor } from '../../src/infrastructure/record-compactor.js';
import { EndpointRecord } from '../../src/model/endpoint.js';
import { NodeNetworkRecord, nodeNetworkKey } from '../../src/model/network.js';
import { endpoints } from '../builders/clusters.js';
import { anEndpoint } from '../builders/policy-world.js';

const compactOf = (compactor: RecordCompactor, endpoint: ReturnType<typeof anEndpoint>) => compactor.endpoint(endpoint);

test('a compact endpoint says what the one said that it was made from, to who reads it and to who writes it', () => {
  const compactor = new RecordCompactor();
  fc.assert(
    fc.property(fc.nat(200).chain(endpoints), (endpoint) => {
      const compact = compactOf(compactor, endpoint);
      expect(compact).toEqual(endpoint);
      expect(JSON.parse(EndpointRecord.encode(compact))).toEqual(JSON.parse(EndpointRecord.encode(endpoint)));
    }),
  );
});

test('it is so beyond the number of texts that are remembered', () => {
  const compactor = new RecordCompactor();
  for (let n = 0; n < 25_000; n++) {
    const endpoint = anEndpoint(1, { labels: { a: `${n}`, b: 'x' } });
    expect(compactOf(compactor, endpoint).labels).toEqual(endpoint.labels);
  }
});

test('what two have in common is one object', () => {
  const compactor = new RecordCompactor();
  const marks = () => JSON.parse('{"profiles":["web"],"tags":["a","b"],"published":[]}');
  const [one, other] = [compactOf(compactor, anEndpoint(1, marks())), compactOf(compactor, anEndpoint(2, marks()))];
  expect(one.profiles).toBe(other.profiles);
  expect(one.tags).toBe(other.tags);
  expect(one.published).toBe(other.published);
});

test('a compact network of a node says what the one said that it was made from', () => {
  const compactor = new RecordCompactor();
  const of = (node: string) => {
    const text = { node, dockerNetworkId: 'f'.repeat(64), network: 'web', provisional: false };
    const record = { apiVersion: 'corduroy/v1', kind: 'NodeNetwork', ...text, linkLocalGateway: '169.254.1.1' };
    const given = NodeNetworkRecord.decode('/k', JSON.stringify(record));
    const compact = compactor.nodeNetwork(nodeNetworkKey(given.node, given.dockerNetworkId), given);
    expect(compact).toEqual(given);
  };
  for (const node of ['a', 'b']) of(node);
});
