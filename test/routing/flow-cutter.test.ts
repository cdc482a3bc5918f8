import { expect, test } from '@jest/globals';
import { FlowCutter } from '../../routing/flow-cutter.js';
import type { TrackedFlow } from '../../src/effects/conntrack.js';
import { silentLogger } from '../../src/effects/logger.js';
import { KernelError } from '../../src/model/errors.js';
import { type IpAddress, parseIpAddress } from '../../src/model/ip-address.js';
import { ManualClock } from '../fakes/manual-clock.js';

function flow(from: string, to: string): TrackedFlow {
  const [source, destination] = [parseIpAddress(from), parseIpAddress(to)];
  return {
    family: 4,
    protocol: 17,
    original: { source, destination, sourcePort: 1, destinationPort: 2 },
    reply: { source: destination, destination: source, sourcePort: 2, destinationPort: 1 },
  };
}

const [DENIED, ALLOWED] = [flow('10.64.0.2', '10.64.0.9'), flow('10.64.0.3', '10.64.0.9')];

/** A kernel that tracks connections, and whose tool fails as often as it is told. */
function aCutter(tracked: readonly TrackedFlow[], failures = 0) {
  const clock = new ManualClock();
  const world = { flows: [...tracked], failures, listed: 0, denied: '10.64.0.2' };
  const cutter = new FlowCutter({
    conntrack: {
      async list() {
        world.listed++;
        if (world.failures-- > 0) throw new KernelError('conntrack failed', 'no memory');
        return [...world.flows];
      },
      async forgetAddresses() {},
      async forgetFlows(flows) {
        world.flows = world.flows.filter((one) => !flows.includes(one));
      },
    },
    ourAddresses: () => new Set(['10.64.0.9' as IpAddress]),
    flowJudge: () => (one) => one.original.source === world.denied,
    clock,
    log: silentLogger,
  });
  return { world, cutter, clock };
}

test('what the policy denies is ended, all else goes on, and settled waits for it', async () => {
  const { world, cutter } = aCutter([DENIED, ALLOWED]);
  cutter.cut();
  await cutter.settled();
  expect(world.flows).toEqual([ALLOWED]);
});

test('connections of others are left alone', async () => {
  const foreign = flow('10.64.0.2', '192.0.2.7');
  const { world, cutter } = aCutter([foreign]);
  cutter.cut();
  await cutter.settled();
  expect(world.flows).toEqual([foreign]);
});

test('an attempt that fails is told, and made again until it is done', async () => {
  const { world, cutter, clock } = aCutter([DENIED], 2);
  cutter.cut();
  await expect(cutter.settled()).rejects.toThrow('conntrack failed');
  expect(cutter.problem).toContain('conntrack failed');
  const settled = cutter.settled();
  const early = cutter.settled(AbortSignal.abort());
  await expect(early).rejects.toThrow('in time');
  clock.advance(100);
  await expect(settled).rejects.toThrow('conntrack failed');
  const done = cutter.settled();
  clock.advance(200);
  await done;
  expect([world.flows, cutter.problem, world.listed]).toEqual([[], undefined, 3]);
});

test('a policy that changes while connections are listed is measured against once more', async () => {
  const { world, cutter } = aCutter([DENIED, ALLOWED]);
  cutter.cut();
  cutter.cut();
  world.denied = '10.64.0.3';
  cutter.cut();
  await cutter.settled();
  expect([world.flows, world.listed]).toEqual([[DENIED], 2]);
});

test('stopped before it was done, it does not claim to be', async () => {
  const { cutter } = aCutter([DENIED], 1);
  cutter.cut();
  await expect(cutter.settled()).rejects.toThrow('conntrack failed');
  const settled = cutter.settled();
  cutter.stop();
  await expect(settled).rejects.toBeDefined();
});
