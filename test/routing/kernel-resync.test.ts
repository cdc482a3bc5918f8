import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { KernelResync } from '../../routing/kernel-resync.js';
import { silentLogger } from '../../src/effects/logger.js';
import { KernelError } from '../../src/model/errors.js';
import type { InterfaceName } from '../../src/model/ids.js';
import { ManualClock } from '../fakes/manual-clock.js';

const [ETH0, DOCKER0] = ['eth0', 'docker0'] as InterfaceName[] as [InterfaceName, InterfaceName];

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** A comparison of a kernel that refuses what it is told to; each part writes down that it was compared. */
async function aResync() {
  const world = { done: [] as string[], told: [] as string[], refused: undefined as string | undefined };
  const part = (name: string) => async () => {
    await Promise.resolve();
    world.done.push(name);
    if (world.refused === name) throw new KernelError(`${name} refused`, 'busy');
  };
  const resync = new KernelResync({
    applier: { synchronise: part('filter') },
    host: {
      run: async (report) => {
        report('sysctl', 'ip_forward: was changed');
        await part('host')();
      },
      afterChanges: (links) => part(`after ${[...links].join(' and ')}`)(),
    },
    endpoints: { run: part('endpoints') },
    repairs: { add: (what, detail) => world.told.push(`${what} ${detail}`) },
    flush: () => {},
    clock: new ManualClock(),
    log: silentLogger,
  });
  await resync.run();
  resync.start();
  expect(world.done.splice(0)).toEqual(['filter', 'host', 'endpoints']);
  return { world, resync, pass: (ms: number) => jest.advanceTimersByTimeAsync(ms) };
}

test('what the first one finds is no drift; later ones tell it', async () => {
  const { world, resync } = await aResync();
  expect(world.told).toEqual([]);
  await resync.run();
  expect(world.told).toEqual(['sysctl ip_forward: was changed']);
});

test('changes of links are looked at once for all that come together, and only they', async () => {
  const { world, resync, pass } = await aResync();
  for (const link of [DOCKER0, ETH0, DOCKER0]) resync.hostChanged(link);
  await pass(1_000);
  expect(world.done).toEqual(['after docker0 and eth0']);
  await pass(8_000);
  expect(world.done).toHaveLength(1);
});

test('a comparison of all takes along what changed before it', async () => {
  const { world, resync, pass } = await aResync();
  resync.hostChanged(ETH0);
  await resync.run();
  await pass(1_000);
  expect(world.done).toEqual(['filter', 'host', 'endpoints']);
});

test('where a change cannot be looked at, all is compared', async () => {
  const { world, resync, pass } = await aResync();
  world.refused = 'after eth0';
  resync.hostChanged(ETH0);
  await pass(1_000);
  expect(world.done).toEqual(['after eth0', 'filter', 'host', 'endpoints']);
  expect(resync.problem).toBeUndefined();
});

test('while the kernel refuses something, any change may have mended it', async () => {
  const { world, resync, pass } = await aResync();
  world.refused = 'endpoints';
  resync.soon();
  await pass(1_000);
  expect(resync.problem).toContain('endpoints refused');
  world.refused = undefined;
  world.done = [];
  resync.hostChanged(DOCKER0);
  await pass(1_000);
  expect([world.done, resync.problem]).toEqual([['filter', 'host', 'endpoints'], undefined]);
});

test('by the clock all is compared; stopped, nothing is', async () => {
  const { world, resync, pass } = await aResync();
  await pass(10_500);
  expect(world.done).toEqual(['filter', 'host', 'endpoints']);
  resync.stop();
  resync.soon();
  resync.hostChanged(ETH0);
  await pass(60_000);
  expect(world.done).toHaveLength(3);
});
