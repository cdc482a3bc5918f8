import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Change, Revision } from '../../../src/effects/datastore.js';
import { Fingerprint } from '../../../src/infrastructure/embedded/fingerprint.js';

const changes = fc.array(
  fc.record({ key: fc.constantFrom('a', 'b', 'ab'), value: fc.option(fc.string({ maxLength: 3 })) }),
  { maxLength: 20 },
);
const sumOf = (list: Iterable<Change>): number => {
  const fingerprint = new Fingerprint();
  for (const change of list) fingerprint.apply(change);
  return fingerprint.sum;
};

test('it depends on what is stored at the end, not on the way there, and tells any row that is missing', () => {
  fc.assert(
    fc.property(changes, (steps) => {
      const history = steps.map(({ key, value }, i): Change => {
        const revision = i as Revision;
        return value === null ? { kind: 'delete', key, revision } : { kind: 'put', key, value, revision };
      });
      const stored = new Map<string, Change>();
      for (const change of history) {
        if (change.kind === 'put') stored.set(change.key, change);
        else stored.delete(change.key);
      }
      expect(sumOf(history)).toBe(sumOf([...stored.values()].reverse()));
      for (const { key } of stored.values()) {
        const others = [...stored.values()].filter((change) => change.key !== key);
        expect(sumOf(others)).not.toBe(sumOf(history));
      }
    }),
  );
});
