import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { settleMemory } from '../../src/composition/settle-memory.js';

const somethingForgotten = (): WeakRef<object> => new WeakRef(Array.from({ length: 1_000 }, (_, n) => ({ n })));

test.each([
  ['a small heap is left alone', Number.POSITIVE_INFINITY, false],
  ['of a large one nothing is kept that nobody has', 0, true],
])('%s', async (_, largeHeap, isCollected) => {
  const forgotten = somethingForgotten();
  await nextTurn();
  settleMemory(largeHeap);
  expect(forgotten.deref() === undefined).toBe(isCollected);
});
