import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { aSyncingCluster, existing, plan, subnet, useSyncingCluster } from '../builders/syncing-hosts.js';

const { a, b, c, cluster, everywhere } = useSyncingCluster();

describe('two networks of one name', () => {
  test.each([
    ['subnets', subnet('10.71.0.0/24')],
    ['options', { options: { mtu: '1400' } }],
    ['--internal', { internal: true }],
  ])('that are made at once with other %s: one is everywhere and the other stays apart', async (_, other) => {
    await Promise.all([a().engine.create(plan('web')), b().engine.create(plan('web', other))]);
    await cluster().pass();
    expect(await everywhere()).toEqual([['web'], ['web'], ['web']]);
    const named = cluster().hosts.filter(({ store }) =>
      [...store.localNetworks.values()].some(({ value }) => !value.provisional),
    );
    expect(named).toHaveLength(2);
    expect(named).toContain(c());
    const loser = existing(cluster().hosts.find((host) => !named.includes(host)));
    await loser.engine.removeByName('web');
    await cluster().pass();
    expect([...loser.store.localNetworks.values()].map(({ value }) => value.network)).toEqual(['web']);
    expect(await everywhere()).toEqual([['web'], ['web'], ['web']]);
  });

  test('that are made at once and are the same are one', async () => {
    await Promise.all([a().engine.create(plan('web')), b().engine.create(plan('web'))]);
    await cluster().pass();
    expect(await everywhere()).toEqual([['web'], ['web'], ['web']]);
    await b().engine.removeByName('web');
    await cluster().pass();
    expect(await everywhere()).toEqual([[], [], []]);
  });
});

test('a network that is removed while another host is making it does not come back', async () => {
  const { engine } = b();
  const create = engine.create.bind(engine);
  engine.create = async (wanted) => {
    await a().engine.removeByName('web');
    return create(wanted);
  };
  await c().halt();
  await a().engine.create(plan('web'));
  await cluster().pass();
  expect(await everywhere()).toEqual([[], [], []]);
  expect(a().store.networks.size + a().store.nodeNetworks.size).toBe(0);
});

/** What users do, on which host, to which of two names; all of it possible or not. */
const deeds = fc.array(
  fc.record({
    host: fc.nat(2),
    deed: fc.constantFrom('create', 'create other', 'remove', 'off', 'on', 'wait'),
    name: fc.constantFrom('web', 'db'),
  }),
  { maxLength: 25 },
);

test('whatever users do on whichever host, all hosts come to have the same networks, and stay so', async () => {
  await fc.assert(
    fc.asyncProperty(deeds, async (list) => {
      const world = await aSyncingCluster(['a', 'b', 'c']);
      try {
        for (const { host: index, deed, name } of list) {
          const host = existing(world.hosts[index]);
          const cidr = name === 'web' ? '10.70.0.0/24' : '10.71.0.0/24';
          const other = name === 'web' ? '10.80.0.0/24' : '10.81.0.0/24';
          if (deed === 'create') void host.engine.create(plan(name, subnet(cidr))).catch(() => {});
          if (deed === 'create other') void host.engine.create(plan(name, subnet(other))).catch(() => {});
          if (deed === 'remove') void host.engine.removeByName(name).catch(() => {});
          if (deed === 'off') await host.halt();
          if (deed === 'on') {
            await host.halt();
            host.start();
          }
          if (deed === 'wait') await world.pass(100, 1);
        }
        for (const host of world.hosts) {
          await host.halt();
          host.start();
        }
        await world.pass(11_000, 4);
        // A user who made another one is told, and takes it away.
        for (const host of world.hosts) {
          for (const { value } of [...host.store.localNetworks.values()]) {
            if (value.provisional) await host.engine.remove(value.dockerNetworkId);
          }
        }
        await world.pass(11_000, 4);
        const names = await Promise.all(world.hosts.map((host) => host.names()));
        expect(names).toEqual([names[0], names[0], names[0]]);
        const [{ store } = existing(undefined)] = world.hosts;
        expect([...store.networks.keys()].toSorted()).toEqual(names[0]);
        expect([...store.networks.values()].filter(({ value }) => value.removal !== undefined)).toEqual([]);
        const { transactionCount } = world.datastore;
        await world.pass(61_000, 3);
        expect(world.datastore.transactionCount).toBe(transactionCount);
      } finally {
        await world.stop();
      }
    }),
    { numRuns: 40 },
  );
}, 60_000);
