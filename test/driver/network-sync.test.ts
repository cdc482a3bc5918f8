import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { DriverDependencies } from '../../driver/dependencies.js';
import { networkDriverHandlers } from '../../driver/handlers.js';
import { learnNetworkName } from '../../driver/network-name.js';
import { asTold } from '../../driver/network-recipe.js';
import { NetworkSync } from '../../driver/network-sync.js';
import { NetworksUnderWay } from '../../driver/networks-under-way.js';
import { SwarmNetworks } from '../../driver/swarm-networks.js';
import { silentLogger } from '../../src/effects/logger.js';
import { ClusterCache } from '../../src/infrastructure/cluster-cache.js';
import { parseCidr } from '../../src/model/cidr.js';
import { EndpointRecord, endpointKey } from '../../src/model/endpoint.js';
import { parseDockerNetworkId, parseNetworkName, parseNodeName } from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { KeyedQueue } from '../../src/model/keyed-queue.js';
import { NetworkRecord, networkKey } from '../../src/model/network.js';
import type { NetworkPlan } from '../../src/model/network-plan.js';
import { NodeRecord, nodeKey } from '../../src/model/node.js';
import { LOCAL_ADDRESS_SPACE } from '../../src/protocol/activate.js';
import { anEndpoint, networkId } from '../builders/docker.js';
import { CallingEngine } from '../fakes/calling-engine.js';
import { InMemoryDataplane } from '../fakes/in-memory-dataplane.js';
import { InMemoryDatastore } from '../fakes/in-memory-datastore.js';
import { InMemoryHostPorts } from '../fakes/in-memory-host-ports.js';
import { ManualClock } from '../fakes/manual-clock.js';

const plan = (name: string, changes: Partial<NetworkPlan> = {}): NetworkPlan => ({
  name: parseNetworkName(name),
  subnets: [{ cidr: parseCidr('10.70.0.0/24'), gateway: parseIpAddress('10.70.0.1'), auxiliary: {} }],
  ipv4: true,
  ipv6: false,
  internal: false,
  attachable: false,
  options: {},
  ipamOptions: {},
  labels: {},
  ...changes,
});

const subnet = (cidr: string) => ({ subnets: [{ cidr: parseCidr(cidr), auxiliary: {} }] });

/** A host of the cluster: its driver, its engine, and the sync between them. */
function aHost(name: string, datastore: InMemoryDatastore, clock: ManualClock) {
  const node = parseNodeName(name);
  const store = new ClusterCache({ datastore, node, log: silentLogger });
  const underWay = new NetworksUnderWay();
  const deps: Omit<DriverDependencies, 'docker'> = {
    node,
    store,
    addresses: { bind: async () => {}, unbind: async () => {} },
    dataplane: new InMemoryDataplane(),
    hostPorts: new InMemoryHostPorts(),
    hostRoutes: { list: async () => [] },
    clock,
    queue: new KeyedQueue(),
    underWay,
    settings: { datastore: 'etcd', mtu: () => 1_500 },
  };
  const signal = new AbortController().signal;
  const engine: CallingEngine = new CallingEngine(
    name,
    {
      CreateNetwork: (request, context) => handlers.CreateNetwork(request, context),
      DeleteNetwork: (request, context) => handlers.DeleteNetwork(request, context),
    },
    { signal, log: silentLogger },
  );
  const handlers = networkDriverHandlers({ ...deps, docker: engine.docker });
  // As the reconciler does.
  const nameIt = async (): Promise<void> => {
    for (const network of (await engine.docker.networks()) ?? []) {
      if (network.driver !== 'corduroy') continue;
      await learnNetworkName({ ...deps, log: silentLogger }, asTold(network)).catch(() => {});
    }
  };
  const naming = engine.docker.events((event) => {
    if (event.kind === 'networkCreated' || event.kind === 'connected') void nameIt();
  });
  let sync: NetworkSync | undefined;
  const host = {
    node,
    store,
    engine,
    handlers,
    forThisNode: true,
    start() {
      sync = new NetworkSync({
        ...deps,
        docker: engine.docker,
        dockerNetworks: engine,
        underWay,
        isOurDriver: (driver) => driver === 'corduroy',
        isForThisNode: () => host.forThisNode,
        log: silentLogger,
      });
    },
    findings: () => (sync?.findings() ?? []).map(({ message }) => message),
    names: async () => ((await engine.docker.networks()) ?? []).map((network) => network.name).toSorted(),
    async halt() {
      await sync?.close();
      sync = undefined;
    },
    async stop() {
      naming.close();
      await host.halt();
      await store.close();
    },
  };
  return host;
}

type Host = ReturnType<typeof aHost>;

/** Hosts that share a store, and a clock that stands still unless moved. */
async function aCluster(names: readonly string[]) {
  const datastore = new InMemoryDatastore();
  const clock = new ManualClock();
  for (const text of names) {
    const name = parseNodeName(text);
    const record = NodeRecord.encode({ name, labels: {}, version: '1', startedAt: '2026-01-01T00:00:00.000Z' });
    datastore.put(nodeKey(name), record);
  }
  const hosts = names.map((name) => aHost(name, datastore, clock));
  await Promise.all(hosts.map(({ store }) => store.ready()));
  for (const host of hosts) host.start();
  return {
    datastore,
    clock,
    hosts,
    /** Time passes, and what waits for it is done. */
    async pass(ms = 11_000, times = 3) {
      for (let time = 0; time < times; time++) {
        clock.advance(ms);
        for (let turn = 0; turn < 60; turn++) await new Promise((resolve) => setImmediate(resolve));
      }
    },
    stop: () => Promise.all(hosts.map((host) => host.stop())),
  };
}

let cluster: Awaited<ReturnType<typeof aCluster>>;
let [a, b, c]: readonly Host[] = [];
beforeEach(async () => {
  cluster = await aCluster(['a', 'b', 'c']);
  [a, b, c] = cluster.hosts;
});
afterEach(() => cluster.stop());

const at = (host: Host | undefined): Host => {
  if (host === undefined) throw new Error('there is no such host');
  return host;
};
const everywhere = () => Promise.all(cluster.hosts.map((host) => host.names()));

describe('a network that a user makes on one host', () => {
  test('is made on every other with all that was said, and once', async () => {
    const full = plan('web', {
      internal: true,
      options: { mtu: '1400' },
      labels: { team: 'blue' },
      subnets: [
        {
          cidr: parseCidr('10.70.0.0/24'),
          gateway: parseIpAddress('10.70.0.254'),
          range: parseCidr('10.70.0.128/25'),
          auxiliary: { nas: parseIpAddress('10.70.0.9') },
        },
      ],
    });
    await at(a).engine.create(full);
    await cluster.pass();
    expect(await everywhere()).toEqual([['web'], ['web'], ['web']]);
    const { name, internal, options, labels, subnets } = full;
    for (const host of cluster.hosts) {
      expect(await host.engine.find('web')).toMatchObject({ name, internal, options, labels, subnets });
    }
    expect([...at(c).store.networks.keys()]).toEqual(['web']);
  });

  test('goes from every host when it is removed on any, with its records', async () => {
    await at(a).engine.create(plan('web'));
    await cluster.pass();
    await at(c).engine.removeByName('web');
    await cluster.pass();
    expect(await everywhere()).toEqual([[], [], []]);
    expect(at(a).store.networks.size + at(a).store.nodeNetworks.size).toBe(0);
  });

  test('that is not for some host is not made there', async () => {
    at(b).forThisNode = false;
    await at(a).engine.create(plan('web'));
    await cluster.pass();
    expect(await everywhere()).toEqual([['web'], [], ['web']]);
    expect(at(b).findings()).toEqual([]);
  });

  test('stays where a container is on it, running or not, says so, and goes afterwards', async () => {
    await at(a).engine.create(plan('web'));
    await cluster.pass();
    at(b).engine.run('db', 'web', 'exited');
    await at(a).engine.removeByName('web');
    await cluster.pass();
    expect(await everywhere()).toEqual([[], ['web'], []]);
    expect(at(b).findings()).toEqual([
      'network web was removed on a, and goes from this host when no container is on it any more: remove db (exited), or create the network there again',
    ]);
    at(b).engine.removeContainer('db');
    await cluster.pass();
    expect(await everywhere()).toEqual([[], [], []]);
    expect(at(b).findings()).toEqual([]);
  });

  test('that is made again while it waits to go, stays', async () => {
    await at(a).engine.create(plan('web'));
    await cluster.pass();
    at(b).engine.run('db', 'web');
    await at(a).engine.removeByName('web');
    await cluster.pass();
    await at(a).engine.create(plan('web'));
    at(b).engine.removeContainer('db');
    await cluster.pass();
    expect(await everywhere()).toEqual([['web'], ['web'], ['web']]);
  });

  test('is kept by its containers elsewhere when a prune takes it', async () => {
    await at(a).engine.create(plan('web'));
    await cluster.pass();
    await at(a).engine.create(plan('idle', subnet('10.71.0.0/24')));
    await cluster.pass();
    at(b).engine.run('db', 'web');
    const [local] = [...at(b).store.localNetworks.values()].filter(({ value }) => value.network === 'web');
    const endpoint = anEndpoint({ node: at(b).node, dockerNetworkId: local?.value.dockerNetworkId ?? networkId('0') });
    cluster.datastore.put(endpointKey(endpoint.node, endpoint.id), EndpointRecord.encode(endpoint));
    await at(a).engine.removeByName('web');
    await at(a).engine.removeByName('idle');
    at(a).engine.docker.tell({ kind: 'networksPruned' });
    await cluster.pass();
    expect(await everywhere()).toEqual([['web'], ['web'], ['web']]);
    expect(at(b).findings()).toEqual([]);
  });
});

describe("a network of Swarm's", () => {
  const add = () => {
    const holds = { hold: async () => ({ cidr: parseCidr('10.75.0.0/24'), release: async () => {} }) };
    return new SwarmNetworks({ store: at(a).store, holds }).add(
      plan('shop', { subnets: [], labels: { team: 'blue' } }),
    );
  };

  test('has a config-only network on every host, is not made by us, and stays without nodes', async () => {
    await add();
    await cluster.pass();
    expect(await everywhere()).toEqual([['shop-config'], ['shop-config'], ['shop-config']]);
    expect(await at(b).engine.find('shop-config')).toMatchObject({
      driver: 'null',
      labels: { team: 'blue', 'corduroy.swarm': 'shop' },
      subnets: [{ cidr: '10.75.0.0/24' }],
    });
    expect([...at(c).store.networks.keys()]).toEqual(['shop']);
    expect([...at(c).store.profiles.keys()]).toEqual(['shop']);
  });

  test('that is removed takes its config-only networks along, and then its records', async () => {
    await add();
    await cluster.pass();
    const { store, node } = at(b);
    const found = store.networks.get(parseNetworkName('shop'));
    if (found === undefined) throw new Error('there is no network');
    const removal = { node, requestedAt: '2026-01-01T00:00:00.000Z' };
    const value = NetworkRecord.encode({ ...found.value, removal });
    await store.transact({ compares: [], writes: [{ kind: 'put', key: networkKey(found.value.name), value }] });
    await cluster.pass();
    expect(await everywhere()).toEqual([[], [], []]);
    expect(store.networks.size + store.configNetworks.size + store.profiles.size).toBe(0);
  });

  test('reports another network under the name of its config-only one', async () => {
    at(b).engine.addForeign('shop-config');
    await add();
    await cluster.pass();
    expect(at(b).findings()).toEqual([
      'this host cannot be prepared for swarm network shop: Docker has another network shop-config; remove that one, and the host is prepared by itself',
    ]);
  });

  test('that Docker makes again on a node, as after a power failure, is there already', async () => {
    await add();
    await cluster.pass();
    const { engine, store, handlers } = at(b);
    const id = parseDockerNetworkId('s'.repeat(25));
    const pool = { addressSpace: LOCAL_ADDRESS_SPACE, pool: parseCidr('10.75.0.0/24'), auxAddresses: [] };
    const subnets = [{ ...pool, gateway: parseIpAddress('10.75.0.1') }];
    const request = { networkId: id, internal: false, ipv6: false, options: {}, subnets };
    const context = { signal: new AbortController().signal, log: silentLogger };
    await handlers.CreateNetwork(request, context);
    engine.docker.addNetwork({ id, name: 'shop', scope: 'swarm', subnets: [] });
    engine.docker.tell({ kind: 'networkCreated', networkId: id });
    await cluster.pass(10, 1);
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

describe('what stands in the way', () => {
  test("another driver's network of that name is told, and left alone", async () => {
    const id = at(b).engine.addForeign('web');
    await at(a).engine.create(plan('web'));
    await cluster.pass();
    expect(at(b).findings()).toEqual([
      'network web (10.70.0.0/24), which other hosts have, cannot be made here: Docker has a network of that name and of driver bridge; remove that one, and it is made by itself',
    ]);
    await at(b).engine.remove(id);
    await cluster.pass();
    expect(await everywhere()).toEqual([['web'], ['web'], ['web']]);
    expect(at(b).findings()).toEqual([]);
  });

  test('an engine that refuses is told in its words, and asked again', async () => {
    const create = at(b).engine.create.bind(at(b).engine);
    at(b).engine.create = () => Promise.reject(new Error('no space left'));
    await at(a).engine.create(plan('web'));
    await cluster.pass();
    expect(at(b).findings()).toEqual(['network web, which other hosts have, cannot be made here: no space left']);
    at(b).engine.create = create;
    await cluster.pass();
    expect(await everywhere()).toEqual([['web'], ['web'], ['web']]);
  });

  test.each([
    ['subnets', subnet('10.71.0.0/24')],
    ['options', { options: { mtu: '1400' } }],
    ['--internal', { internal: true }],
  ])('of two made at once with other %s, one is everywhere and the other stays apart', async (_, other) => {
    await Promise.all([at(a).engine.create(plan('web')), at(b).engine.create(plan('web', other))]);
    await cluster.pass();
    expect(await everywhere()).toEqual([['web'], ['web'], ['web']]);
    const named = cluster.hosts.filter(({ store }) =>
      [...store.localNetworks.values()].some(({ value }) => !value.provisional),
    );
    expect(named).toHaveLength(2);
    expect(named).toContain(c);
    const loser = at(cluster.hosts.find((host) => !named.includes(host)));
    await loser.engine.removeByName('web');
    await cluster.pass();
    expect([...loser.store.localNetworks.values()].map(({ value }) => value.network)).toEqual(['web']);
    expect(await everywhere()).toEqual([['web'], ['web'], ['web']]);
  });

  test('two made at once that are the same are one', async () => {
    await Promise.all([at(a).engine.create(plan('web')), at(b).engine.create(plan('web'))]);
    await cluster.pass();
    expect(await everywhere()).toEqual([['web'], ['web'], ['web']]);
    await at(b).engine.removeByName('web');
    await cluster.pass();
    expect(await everywhere()).toEqual([[], [], []]);
  });
});

describe('a host that was off', () => {
  test('has what was made, and not what was removed, when it is back', async () => {
    await at(a).engine.create(plan('old'));
    await cluster.pass();
    await at(b).halt();
    await at(a).engine.removeByName('old');
    await at(a).engine.create(plan('new', subnet('10.72.0.0/24')));
    await cluster.pass();
    expect(await everywhere()).toEqual([['new'], ['old'], ['new']]);
    at(b).start();
    await cluster.pass();
    expect(await everywhere()).toEqual([['new'], ['new'], ['new']]);
  });

  test('asks when its engine answers again', async () => {
    at(b).engine.docker.silence();
    at(b).engine.create = () => Promise.reject(new Error('Docker does not answer'));
    await at(a).engine.create(plan('web'));
    await cluster.pass();
    Reflect.deleteProperty(at(b).engine, 'create');
    at(b).engine.docker.speak();
    await cluster.pass(1, 1);
    expect(await everywhere()).toEqual([['web'], ['web'], ['web']]);
  });
});

test('a network that is removed while another host is making it does not come back', async () => {
  const { engine } = at(b);
  const create = engine.create.bind(engine);
  engine.create = async (wanted) => {
    await at(a).engine.removeByName('web');
    return create(wanted);
  };
  await at(c).halt();
  await at(a).engine.create(plan('web'));
  await cluster.pass();
  expect(await everywhere()).toEqual([[], [], []]);
  expect(at(a).store.networks.size + at(a).store.nodeNetworks.size).toBe(0);
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
      const world = await aCluster(['a', 'b', 'c']);
      try {
        for (const { host: index, deed, name } of list) {
          const host = at(world.hosts[index]);
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
        const [{ store } = at(undefined)] = world.hosts;
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
