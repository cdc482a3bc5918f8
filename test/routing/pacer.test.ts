import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Pacer } from '../../routing/pacer.js';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** Work that takes `workMs`, called for soon after a sign (10 ms), at rest for 200 ms, and every 10 s by itself. */
function aPacer(workMs = 50) {
  const begun: number[] = [];
  const zero = performance.now();
  const pacer = new Pacer({
    work: async () => {
      begun.push(Math.round(performance.now() - zero));
      await new Promise((resolve) => setTimeout(resolve, workMs));
    },
    soonMs: 10,
    restMs: 200,
    everyMs: () => 10_000,
  });
  pacer.start();
  return { pacer, begun, pass: (ms: number) => jest.advanceTimersByTimeAsync(ms) };
}

test('without a sign the work is done by the clock', async () => {
  const { begun, pass } = aPacer();
  await pass(25_000);
  expect(begun).toEqual([10_000, 20_050]);
});

test('signs that come together call for the work once, and soon', async () => {
  const { pacer, begun, pass } = aPacer();
  for (let sign = 0; sign < 5; sign++) pacer.soon();
  await pass(1_000);
  expect(begun).toEqual([10]);
});

test('a sign while the work is done calls for it once more, after the rest', async () => {
  const { pacer, begun, pass } = aPacer();
  pacer.soon();
  await pass(30);
  pacer.soon();
  pacer.soon();
  await pass(1_000);
  expect(begun).toEqual([10, 260]);
});

test('a sign right after the work waits for the rest to end', async () => {
  const { pacer, begun, pass } = aPacer();
  pacer.soon();
  await pass(100);
  pacer.soon();
  await pass(1_000);
  expect(begun).toEqual([10, 260]);
});

test('signs without end do not call for it more often than rest and work allow', async () => {
  const { pacer, begun, pass } = aPacer();
  for (let ms = 0; ms < 2_500; ms += 5) {
    pacer.soon();
    await pass(5);
  }
  expect(begun).toHaveLength(10);
});

test('stopped, it does nothing any more', async () => {
  const { pacer, begun, pass } = aPacer();
  pacer.soon();
  pacer.stop();
  pacer.soon();
  await pass(60_000);
  expect(begun).toEqual([]);
});
