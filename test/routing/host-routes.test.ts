import { expect, test } from '@jest/globals';
import { HostRoutes } from '../../routing/host-routes.js';
import { silentLogger } from '../../src/effects/logger.js';
import type { NetworkCommand } from '../../src/effects/network-stack.js';
import { type Cidr, parseCidr } from '../../src/model/cidr.js';
import { KernelError } from '../../src/model/errors.js';
import type { Route } from '../../src/model/route.js';

const block = (text: string): Route => ({ kind: 'blackhole', destination: parseCidr(text) });
const [A, B] = [block('10.64.0.0/26'), block('10.64.0.64/26')];

/** Routes that the records want, a kernel that holds routes, and what was told about both. */
function aHost(wanted: readonly Route[], present: readonly Route[] = []) {
  const host = {
    wanted,
    kernel: new Map(present.map((route) => [route.destination, route])),
    writes: 0,
    refusal: undefined as string | undefined,
    told: [] as string[],
    async apply(commands: readonly NetworkCommand[]): Promise<void> {
      await Promise.resolve();
      if (host.refusal !== undefined) throw new KernelError('refused', host.refusal);
      host.writes++;
      for (const command of commands) {
        if (command.kind === 'putRoute') host.kernel.set(command.route.destination, command.route);
        if (command.kind === 'removeRoute') host.kernel.delete(command.route.destination);
      }
    },
    read: (): readonly Route[] => [...host.kernel.values()],
    repair: (read: readonly Route[] = host.read(), at: number = routes.now): Promise<void> =>
      routes.repair(read, at, (what, detail) => host.told.push(`${what} ${detail}`)),
    async change(next: readonly Route[]): Promise<void> {
      const destinations = [...host.wanted, ...next].map(({ destination }) => destination);
      host.wanted = next;
      await routes.changed(destinations);
    },
    get now(): number {
      return routes.now;
    },
    isMissed: ({ destination }: Route): boolean => routes.isMissed(destination),
  };
  const source = {
    routes: () => host.wanted,
    routeTo: (destination: Cidr) => host.wanted.find((route) => route.destination === destination),
  };
  const routes: HostRoutes = new HostRoutes({ network: host, wanted: source, log: silentLogger });
  return host;
}

test('routes follow the records at once, and that is no drift', async () => {
  const host = aHost([]);
  await host.repair();
  await host.change([A, B]);
  expect(host.read()).toEqual([A, B]);
  await host.change([B]);
  expect(host.read()).toEqual([B]);
  await host.repair();
  expect(host.told).toEqual([]);
});

test('before the first look nothing is written: an earlier run left routes that are still wanted', async () => {
  const host = aHost([A], [A]);
  await host.change([A, B]);
  expect(host.writes).toBe(0);
  await host.repair();
  expect([host.read(), host.told]).toEqual([[A, B], []]);
});

test('what others took away or added is put right and told', async () => {
  const host = aHost([A]);
  await host.repair();
  host.kernel.clear();
  host.kernel.set(B.destination, B);
  await host.repair();
  expect(host.read()).toEqual([A]);
  expect(host.told).toEqual(['route 10.64.0.64/26: should not be', 'route 10.64.0.0/26: was missing']);
});

test('what was read before a change of ours is no witness of it', async () => {
  const host = aHost([A]);
  await host.repair();
  const [read, at] = [host.read(), host.now];
  await host.change([B]);
  await host.repair(read, at);
  expect([host.read(), host.told, host.writes]).toEqual([[B], [], 2]);
});

test('a route is missed when others took it away, and not when we did, are about to, or never had it', async () => {
  const host = aHost([A]);
  expect(host.isMissed(A)).toBe(true);
  await host.repair();
  expect([host.isMissed(A), host.isMissed(B)]).toEqual([true, false]);
  const told: boolean[] = [];
  const apply = host.apply;
  host.apply = async (commands) => {
    told.push(host.isMissed(A), host.isMissed(B));
    await apply(commands);
  };
  await host.change([B]);
  expect(told).toEqual([false, true]);
  expect([host.isMissed(A), host.isMissed(B)]).toEqual([false, true]);
});

test('a refused change is made by the next repair', async () => {
  const host = aHost([]);
  await host.repair();
  host.refusal = 'Error: Device for nexthop is not up.';
  await host.change([A]);
  await expect(host.repair()).rejects.toThrow('ip link set lo up');
  host.refusal = undefined;
  await host.repair();
  expect([host.read(), host.told]).toEqual([[A], []]);
});
