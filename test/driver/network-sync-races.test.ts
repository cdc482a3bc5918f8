import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { NetworkPlan } from '../../src/model/network-plan.js';
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

  /** The user's on host b and the one that b makes because of host a: the engine has begun both, and ends with one. */
  async function atOneInstant(usersEndsLast: boolean, changes: Partial<NetworkPlan>) {
    const { engine } = b();
    let end = (): void => {};
    const hold = (): void => {
      engine.keep = () => {
        engine.keep = async () => {};
        return new Promise((resolve) => {
          end = resolve;
        });
      };
    };
    if (usersEndsLast) hold();
    const users = usersEndsLast ? engine.create(plan('web', changes)) : undefined;
    await cluster().pass(1, 1);
    if (!usersEndsLast) hold();
    await a().engine.create(plan('web'));
    await cluster().pass(100, 1);
    if (users !== undefined) end();
    const made = users ?? engine.create(plan('web', changes));
    await made.catch(() => {});
    end();
    await cluster().pass(100, 2);
    return made;
  }

  test.each([
    ['last', true],
    ['first', false],
  ])(
    "at one instant on one host too, where Docker ends with the user's %s: it alone stays, and is told of",
    async (_, usersEndsLast) => {
      const id = await atOneInstant(usersEndsLast, subnet('10.71.0.0/24'));
      expect(await everywhere()).toEqual([['web'], ['web'], ['web']]);
      expect((await b().engine.find('web'))?.id).toBe(id);
      expect([...b().refusals]).toEqual([
        'network web is there already, with subnets 10.70.0.0/24 where this one has 10.71.0.0/24: remove the one on this host, and create it again like the other',
      ]);
      await b().engine.removeByName('web');
      await cluster().pass();
      expect((await b().engine.find('web'))?.subnets).toMatchObject([{ cidr: '10.70.0.0/24' }]);
    },
  );

  test("at one instant on one host too, and the same: the user's stays", async () => {
    const id = await atOneInstant(true, {});
    expect(await everywhere()).toEqual([['web'], ['web'], ['web']]);
    expect([...b().store.localNetworks.values()].map(({ value }) => [value.dockerNetworkId, value.network])).toEqual([
      [id, 'web'],
    ]);
    expect([...b().refusals, ...b().findings()]).toEqual([]);
  });

  test("at one instant on one host too, and the same, where the user's comes to us last: it is refused", async () => {
    await expect(atOneInstant(false, {})).rejects.toThrow('overlaps 10.70.0.0/24 of network');
    await cluster().pass();
    expect(await everywhere()).toEqual([['web'], ['web'], ['web']]);
    expect([...b().store.localNetworks.values()].map(({ value }) => value.network)).toEqual(['web']);
  });

  test('of which the engine does not give up ours: it is told, and tried again', async () => {
    const { engine } = b();
    const remove = engine.remove.bind(engine);
    engine.remove = () => Promise.reject(new Error('network web has active endpoints'));
    await atOneInstant(true, subnet('10.71.0.0/24'));
    expect(b().findings()).toEqual([
      expect.stringMatching(
        /^Docker has two networks web here, .* cannot be removed: network web has active endpoints$/,
      ),
    ]);
    engine.remove = remove;
    await cluster().pass();
    expect([await b().names(), b().findings()]).toEqual([['web'], []]);
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
