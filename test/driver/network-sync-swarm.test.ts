import { describe, expect, test } from '@jest/globals';
import { SwarmNetworks } from '../../driver/swarm-networks.js';
import { silentLogger } from '../../src/effects/logger.js';
import { parseCidr } from '../../src/model/cidr.js';
import { ConflictError } from '../../src/model/errors.js';
import { parseDockerNetworkId, parseNetworkName } from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { NetworkRecord, networkKey, newConfigNetworkName } from '../../src/model/network.js';
import { LOCAL_ADDRESS_SPACE } from '../../src/protocol/activate.js';
import { plan, useSyncingCluster } from '../builders/syncing-hosts.js';

const { a, b, c, cluster, everywhere } = useSyncingCluster();

describe("a network of Swarm's", () => {
  const add = () => {
    const holds = { hold: async () => ({ cidr: parseCidr('10.75.0.0/24'), release: async () => {} }) };
    return new SwarmNetworks({ store: a().store, clock: cluster().clock, holds }).add(
      plan('shop', { subnets: [], labels: { team: 'blue' } }),
    );
  };

  test('has a config-only network on every host, is not made by us, and stays without nodes', async () => {
    const { configName = '' } = await add();
    await cluster().pass();
    expect(configName).toMatch(/^shop-config-[0-9a-f]{6}$/);
    expect(await everywhere()).toEqual([[configName], [configName], [configName]]);
    expect(await b().engine.find(configName)).toMatchObject({
      driver: 'null',
      labels: { team: 'blue', 'corduroy.swarm': 'shop' },
      subnets: [{ cidr: '10.75.0.0/24' }],
    });
    expect([...c().store.networks.keys()]).toEqual(['shop']);
    expect([...c().store.profiles.keys()]).toEqual(['shop']);
  });

  const remove = async () => {
    const { store, node } = b();
    const found = store.networks.get(parseNetworkName('shop'));
    if (found === undefined) throw new Error('there is no network');
    const removal = { node, requestedAt: '2026-01-01T00:00:00.000Z' };
    const value = NetworkRecord.encode({ ...found.value, removal });
    await store.transact({ compares: [], writes: [{ kind: 'put', key: networkKey(found.value.name), value }] });
    await cluster().pass();
  };
  const records = () => b().store.networks.size + b().store.configNetworks.size + b().store.profiles.size;

  test('that is removed takes its config-only networks along, and then its records', async () => {
    await add();
    await cluster().pass();
    await remove();
    expect(await everywhere()).toEqual([[], [], []]);
    expect(records()).toBe(0);
  });

  test('that is removed waits for what is of it on a host, and not for what Docker only believes to be', async () => {
    const { configName = '' } = await add();
    await cluster().pass();
    const instance = parseDockerNetworkId('s'.repeat(25));
    const { engine } = c();
    engine.docker.addNetwork({ id: instance, name: 'shop', scope: 'swarm' });
    engine.remove = () => Promise.reject(new ConflictError(`configuration network "${configName}" is in use`));
    await remove();
    expect(await everywhere()).toEqual([[], [], ['shop', configName]]);
    expect(c().findings()).toEqual([
      `what prepared this host for swarm network shop cannot be removed yet: configuration network "${configName}" is in use`,
    ]);
    engine.docker.removeNetwork(instance);
    await cluster().pass(6_000, 1);
    expect(c().findings()).toHaveLength(1);
    await cluster().pass();
    await cluster().pass();
    expect(c().findings()).toEqual([]);
    expect(records()).toBe(0);
    const { configName: next = '' } = await add();
    await cluster().pass();
    expect(await everywhere()).toEqual([[next], [next], [configName, next].toSorted()]);
  });

  test('reports another network under the name of its config-only one', async () => {
    const name = newConfigNetworkName(parseNetworkName('shop'), cluster().clock.now());
    b().engine.addForeign(name);
    await add();
    await cluster().pass();
    expect(b().findings()).toEqual([
      `this host cannot be prepared for swarm network shop: Docker has another network ${name}; remove that one, and the host is prepared by itself`,
    ]);
  });

  test('that Docker makes again on a node, as after a power failure, is there already', async () => {
    await add();
    await cluster().pass();
    const { engine, store, handlers } = b();
    const id = parseDockerNetworkId('s'.repeat(25));
    const pool = { addressSpace: LOCAL_ADDRESS_SPACE, pool: parseCidr('10.75.0.0/24'), auxAddresses: [] };
    const subnets = [{ ...pool, gateway: parseIpAddress('10.75.0.1') }];
    const request = { networkId: id, internal: false, ipv6: false, options: {}, subnets };
    const context = { signal: new AbortController().signal, log: silentLogger };
    await handlers.CreateNetwork(request, context);
    engine.docker.addNetwork({ id, name: 'shop', scope: 'swarm', subnets: [] });
    engine.docker.tell({ kind: 'networkCreated', networkId: id });
    await cluster().pass(10, 1);
    expect(store.localNetworks.get(id)?.value.network).toBe('shop');
    await handlers.CreateNetwork(request, context);
    await handlers.DeleteNetwork({ networkId: id }, context);
    expect([...store.networks.values()].map(({ value }) => value.removal)).toEqual([undefined]);
  });

  test('is refused under a name that is taken', async () => {
    await add();
    await expect(add()).rejects.toThrow('network shop is there already');
  });
});
