import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { KernelWatch } from '../../routing/kernel-watch.js';
import type { NetworkStackChange } from '../../src/effects/network-stack.js';
import { hostCidr } from '../../src/model/cidr.js';
import type { InterfaceName } from '../../src/model/ids.js';
import { type IpFamily, parseIpAddress } from '../../src/model/ip-address.js';

const [LINK, OTHER] = ['cord0123456789a', 'cord0123456789b'] as InterfaceName[] as [InterfaceName, InterfaceName];

const routeRemoved = (link?: InterfaceName): NetworkStackChange => {
  const [family, destination] = [4 as IpFamily, hostCidr(parseIpAddress('10.64.0.2'))];
  return { kind: 'routeRemoved', family, destination, link };
};

/** A kernel that tells what a test says, to a watch over one attached link. */
function aWatch() {
  const world = {
    signs: 0,
    host: [] as unknown[],
    closed: 0,
    attached: new Set([LINK]),
    busy: new Set<InterfaceName>(),
    takenAway: new Set<string>(),
  };
  const listeners: ((change: NetworkStackChange) => void)[] = [];
  const filterListeners: (() => void)[] = [];
  const close = () => world.closed++;
  const watch = new KernelWatch({
    kernel: {
      watchPacketFilter: (listener) => {
        filterListeners.push(listener);
        return { close };
      },
      ipSets: {
        watch: (listener: () => void) => {
          filterListeners.push(listener);
          return { close };
        },
      },
      network: {
        watch: (listener: (change: NetworkStackChange) => void) => {
          listeners.push(listener);
          return { close };
        },
      },
    },
    hostEnds: {
      links: world.attached,
      queue: { busy: (link) => world.busy.has(link) },
      noteGone: (link) => world.attached.delete(link),
    },
    hostRoutes: { isMissed: (destination) => !world.takenAway.has(destination) },
    onSign: () => world.signs++,
    onHostChange: (change) => world.host.push(change),
  });
  watch.start();
  const tell = (change: NetworkStackChange) => {
    for (const listener of listeners) listener(change);
  };
  return { world, watch, tell, filterListeners };
}

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

test('whatever is told of packet filter and sets is a sign, and so is what may have been missed', () => {
  const { world, tell, filterListeners } = aWatch();
  for (const listener of filterListeners) listener();
  expect(world.signs).toBe(2);
  tell({ kind: 'unknown' });
  expect(world.signs).toBe(3);
});

test('a link that goes down and stays so is a sign; one that is up again, or is just being made, is none', () => {
  const { world, tell } = aWatch();
  tell({ kind: 'linkDown', link: LINK });
  jest.advanceTimersByTime(100);
  tell({ kind: 'linkUp', link: LINK });
  jest.advanceTimersByTime(1_000);
  expect(world.signs).toBe(0);
  world.busy.add(LINK);
  tell({ kind: 'linkDown', link: LINK });
  tell({ kind: 'linkDown', link: OTHER });
  jest.advanceTimersByTime(1_000);
  expect(world.signs).toBe(0);
  world.busy.delete(LINK);
  tell({ kind: 'linkDown', link: LINK });
  tell({ kind: 'linkDown', link: LINK });
  jest.advanceTimersByTime(1_000);
  expect(world.signs).toBe(1);
});

test('a link that is gone is noted, unless it is just being made', () => {
  const { world, tell } = aWatch();
  world.busy.add(LINK);
  tell({ kind: 'linkRemoved', link: LINK });
  expect([...world.attached]).toEqual([LINK]);
  world.busy.delete(LINK);
  tell({ kind: 'linkRemoved', link: LINK });
  expect([[...world.attached], world.signs]).toEqual([[], 0]);
});

test("an endpoint's route that is gone is a sign, unless its link went with it", () => {
  const { world, tell } = aWatch();
  tell(routeRemoved(LINK));
  expect(world.signs).toBe(1);
  tell(routeRemoved(OTHER));
  expect([world.signs, world.host]).toEqual([1, []]);
});

test('other links, their addresses and routes concern only what lies between this host and others', () => {
  const { world, tell } = aWatch();
  tell({ kind: 'hostNetworks', link: 'docker0' as InterfaceName });
  tell(routeRemoved('eth0' as InterfaceName));
  tell(routeRemoved());
  expect([world.signs, world.host]).toEqual([0, ['docker0', 'eth0', undefined]]);
});

test('a route that we took away ourselves calls for nothing', () => {
  const { world, tell } = aWatch();
  world.takenAway.add('10.64.0.2/32');
  tell(routeRemoved('eth0' as InterfaceName));
  tell(routeRemoved());
  expect([world.signs, world.host]).toEqual([0, []]);
});

test('closed, it ends its watches and tells no more', () => {
  const { world, watch, tell } = aWatch();
  tell({ kind: 'linkDown', link: LINK });
  watch.close();
  jest.advanceTimersByTime(1_000);
  expect([world.closed, world.signs]).toEqual([3, 0]);
});
