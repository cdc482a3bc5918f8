import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Revision } from '../../src/effects/datastore.js';
import { EndpointShelf } from '../../src/infrastructure/endpoint-shelf.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { endpoints } from '../builders/clusters.js';
import { anEndpoint } from '../builders/policy-world.js';

const container = { id: 'c1'.repeat(32), name: 'web-1' };

/** What containers, times and addresses are usually, and what they could be. */
const unusual: fc.Arbitrary<Partial<Endpoint>> = fc.record(
  {
    container: fc.option(
      fc.record({
        id: fc.constantFrom(container.id, 'C1'.repeat(32), '', 'c1'),
        name: fc.oneof(fc.constant('web-1'), fc.string({ unit: 'binary' })),
      }),
      { nil: undefined },
    ),
    createdAt: fc.constantFrom('2026-11-21T09:00:00.000Z', '2026-11-21T09:00:00Z', '', 'ä'.repeat(24)),
    addresses: fc.subarray(['10.64.0.2', 'fd80::2'] as unknown as Endpoint['addresses'][number][]),
  },
  { requiredKeys: [] },
);

test('an endpoint comes from the shelf as it was put there', () => {
  fc.assert(
    fc.property(fc.nat(200).chain(endpoints), unusual, fc.nat(), (endpoint, fields, n) => {
      const [shelf, record] = [new EndpointShelf(), { value: { ...endpoint, ...fields }, revision: n as Revision }];
      shelf.set(endpoint.id, record);
      expect(shelf.get(endpoint.id)).toEqual(record);
    }),
  );
});

test('it shows what it holds as a Map does', () => {
  const [shelf, map] = [new EndpointShelf(), new Map()];
  for (const [n, revision] of [1, 2, 3, 1].entries()) {
    const record = {
      value: anEndpoint(revision, { container, labels: { n: `${n}` } }),
      revision: revision as Revision,
    };
    for (const one of [shelf, map]) one.set(record.value.id, record);
  }
  const gone = anEndpoint(2).id;
  for (const one of [shelf, map])
    expect([one.delete(gone), one.delete(gone), one.has(gone)]).toEqual([true, false, false]);
  const told: unknown[] = [];
  shelf.forEach((record, id) => {
    told.push([id, record]);
  });
  expect(shelf.size).toBe(map.size);
  expect(shelf.get(gone)).toBe(undefined);
  expect([...shelf]).toEqual([...map]);
  expect([...shelf.keys()]).toEqual([...map.keys()]);
  expect([...shelf.values()]).toEqual([...map.values()]);
  expect(told).toEqual([...map]);
});
