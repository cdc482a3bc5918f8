import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EndpointRecord, endpointSchema } from '../../src/model/endpoint.js';
import type { StoredFields } from '../../src/model/record.js';
import { usualEndpoint } from '../../src/model/usual-endpoint.js';
import { endpoints } from '../builders/clusters.js';

const stored = fc
  .nat(200)
  .chain(endpoints)
  .map((endpoint) => JSON.parse(EndpointRecord.encode(endpoint)) as StoredFields);

test('what is read by hand is what the schema reads', () => {
  fc.assert(
    fc.property(stored, (json) => {
      const usual = { ...json, published: [] };
      expect(usualEndpoint(usual)).toStrictEqual(endpointSchema.parse(usual));
    }),
  );
});

test('so it is where a field is not as it should be, unless that is left to the schema', () => {
  const strange = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom('A'.repeat(64), 'web', '10.64.0.7', '010.0.0.1', '02-42-AC-11-00-02', { __proto__: 'x' }),
    fc.array(fc.constantFrom('web', '10.64.0.7', 'fd80::7', '', 7)),
    fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.nat()), { noNullPrototype: true }),
  );
  let read = 0;
  fc.assert(
    fc.property(stored, fc.nat(), fc.option(strange, { nil: undefined }), (json, n, value) => {
      const names = [...Object.keys(json), 'profiles', 'containerProfiles', 'container', 'other'];
      const changed = JSON.parse(JSON.stringify({ ...json, [names[n % names.length] as string]: value }));
      const usual = usualEndpoint(changed);
      if (usual === undefined) return;
      read++;
      expect(usual).toStrictEqual(endpointSchema.parse(changed));
    }),
    { numRuns: 2_000 },
  );
  expect(read).toBeGreaterThan(100);
});

test('published ports are left to the schema', () => {
  const [json] = fc.sample(stored, 1);
  expect(usualEndpoint({ ...json, published: [{ protocol: 'tcp', containerPort: 80, hostPort: 80 }] })).toBeUndefined();
});
