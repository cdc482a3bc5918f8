import { expect, test } from '@jest/globals';
import { Waiters } from '../../routing/waiters.js';
import { DeadlineExceededError } from '../../src/model/errors.js';

/** What becomes of a promise: `waits` until it settles. */
function fate(promise: Promise<void>) {
  const told = { outcome: 'waits' };
  promise.then(
    () => {
      told.outcome = 'done';
    },
    (error: Error) => {
      told.outcome = error.message;
    },
  );
  return told;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('those who are taken hear the outcome together; who comes later waits for the next', async () => {
  const waiters = new Waiters('late');
  const [first, second] = [fate(waiters.wait()), fate(waiters.wait())];
  expect(waiters.size).toBe(2);
  const taken = waiters.take();
  const third = fate(waiters.wait());
  expect(waiters.size).toBe(1);
  taken.resolve();
  await turn();
  expect([first.outcome, second.outcome, third.outcome]).toEqual(['done', 'done', 'waits']);
  waiters.take().reject(new Error('refused'));
  await turn();
  expect([third.outcome, waiters.size]).toEqual(['refused', 0]);
});

test('whose signal aborts hears that it was too late, and nothing after it', async () => {
  const waiters = new Waiters('not in time: try again');
  const abort = new AbortController();
  const waited = waiters.wait(abort.signal);
  const other = fate(waiters.wait());
  abort.abort(new Error('2 s are over'));
  const error = await waited.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(DeadlineExceededError);
  expect(error).toMatchObject({ message: 'not in time: try again', cause: new Error('2 s are over') });
  waiters.take().resolve();
  await turn();
  expect(other.outcome).toBe('done');
});

test('who is late already does not wait', async () => {
  const waiters = new Waiters('late');
  await expect(waiters.wait(AbortSignal.abort())).rejects.toThrow(DeadlineExceededError);
  expect(waiters.size).toBe(0);
});

test('an outcome leaves no listener behind at the signal', async () => {
  const waiters = new Waiters('late');
  const abort = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = abort.signal;
  Object.assign(abort.signal, {
    addEventListener: (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(abort.signal, args);
    },
    removeEventListener: (...args: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(abort.signal, args);
    },
  });
  const waited = waiters.wait(abort.signal);
  expect(listeners).toBe(1);
  waiters.take().resolve();
  await waited;
  expect(listeners).toBe(0);
});
