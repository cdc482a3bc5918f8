import { expect, test } from '@jest/globals';
import { mapInSteps } from '../../ipam-driver/in-steps.js';

test('a long list is mapped in order, and others have their turn meanwhile', async () => {
  let turns = 0;
  const count = (): void => {
    turns++;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  const items = Array.from({ length: 1_001 }, (_, n) => n);
  expect(await mapInSteps(items, (n) => 2 * n)).toEqual(items.map((n) => 2 * n));
  clearImmediate(next);
  expect(turns).toBeGreaterThanOrEqual(9);
});
