import { expect, test } from '@jest/globals';
import { Backoff } from '../../routing/backoff.js';

test('each pause is twice the one before, ten seconds at most, and after a success the first again', () => {
  const backoff = new Backoff();
  expect(Array.from({ length: 9 }, () => backoff.failed())).toEqual([
    100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000,
  ]);
  backoff.succeeded();
  expect(backoff.failed()).toBe(100);
});
