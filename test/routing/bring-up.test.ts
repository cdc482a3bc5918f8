import { expect, jest, test } from '@jest/globals';
import { bringUp } from '../../routing/bring-up.js';
import { silentLogger } from '../../src/effects/logger.js';
import { InternalError, KernelError } from '../../src/model/errors.js';
import { ManualClock } from '../fakes/manual-clock.js';

/** A kernel that refuses as often as it is told, and a host whose time passes at once when somebody waits. */
async function bringUpAgainst(refusals: number, refusal: Error = new KernelError('refused', 'busy')) {
  const clock = new ManualClock();
  const begun = clock.now().getTime();
  const world = { attempts: 0, waitedMs: 0 };
  const attempt = async () => {
    if (world.attempts++ < refusals) throw refusal;
  };
  const done = bringUp(attempt, { clock, log: silentLogger, signal: new AbortController().signal });
  const outcome = done.then(
    () => 'up',
    (error: Error) => error.message,
  );
  for (let turn = 0; turn < 100; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (clock.sleeping > 0) clock.advance(250);
  }
  world.waitedMs = clock.now().getTime() - begun;
  return { ...world, outcome: await outcome };
}

test('what the kernel refuses is tried again, with growing pauses', async () => {
  expect(await bringUpAgainst(0)).toEqual({ outcome: 'up', attempts: 1, waitedMs: 0 });
  expect(await bringUpAgainst(2)).toEqual({ outcome: 'up', attempts: 3, waitedMs: 750 });
});

test('a kernel that refuses time and again ends it with its sentence', async () => {
  expect(await bringUpAgainst(99)).toEqual({ outcome: 'refused', attempts: 6, waitedMs: 7_750 });
});

test('a mistake of our own is not tried again', async () => {
  expect(await bringUpAgainst(99, new InternalError('broken'))).toEqual({
    outcome: 'broken',
    attempts: 1,
    waitedMs: 0,
  });
});

test('stopped while it waits, it makes one last attempt and ends', async () => {
  const stopped = new AbortController();
  let attempts = 0;
  const done = bringUp(
    async () => {
      attempts++;
      throw new KernelError('refused', 'busy');
    },
    { clock: new ManualClock(), log: silentLogger, signal: stopped.signal },
  );
  stopped.abort();
  await expect(done).rejects.toThrow('refused');
  expect(attempts).toBeLessThanOrEqual(2);
});

test('nothing is begun once it has ended', async () => {
  const attempt = jest.fn(async () => {});
  const ended = bringUp(attempt, { clock: new ManualClock(), log: silentLogger, signal: AbortSignal.abort('ended') });
  await expect(ended).rejects.toBe('ended');
  expect(attempt).not.toHaveBeenCalled();
});
