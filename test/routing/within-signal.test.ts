import { expect, test } from '@jest/globals';
import { withinSignal } from '../../routing/within-signal.js';
import { DeadlineExceededError } from '../../src/model/errors.js';

const LATE = 'the link was not ready in time: try again';
const never = new Promise<never>(() => {});

test('work that ends in time has its own outcome', async () => {
  const { signal } = new AbortController();
  expect(await withinSignal(Promise.resolve(7), signal, LATE)).toBe(7);
  expect(await withinSignal(Promise.resolve(7), undefined, LATE)).toBe(7);
  await expect(withinSignal(Promise.reject(new Error('refused')), signal, LATE)).rejects.toThrow('refused');
});

test('a signal that aborts first, or has aborted, ends the waiting with the sentence and its reason', async () => {
  const abort = new AbortController();
  const waited = [withinSignal(never, abort.signal, LATE)];
  abort.abort(new Error('2 s are over'));
  waited.push(withinSignal(never, abort.signal, LATE));
  for (const one of waited) {
    const error = await one.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DeadlineExceededError);
    expect(error).toMatchObject({ message: LATE, cause: new Error('2 s are over') });
  }
});

test('work that fails after it was given up troubles nobody', async () => {
  const failing = new Promise<void>((_, reject) => setImmediate(() => reject(new Error('too late to matter'))));
  await expect(withinSignal(failing, AbortSignal.abort(), LATE)).rejects.toThrow(LATE);
  await new Promise((resolve) => setTimeout(resolve, 1));
});
