import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Reconciler } from '../../driver/reconciler.js';
import type { DockerNetwork } from '../../src/effects/docker.js';
import { silentLogger } from '../../src/effects/logger.js';
import { ClusterCache } from '../../src/infrastructure/cluster-cache.js';
import { type Endpoint, EndpointRecord, endpointKey } from '../../src/model/endpoint.js';
import {
  type DockerNetworkId,
  type EndpointId,
  parseEndpointId,
  parseNetworkName,
  parseProfileName,
  shortHash,
} from '../../src/model/ids.js';
import { KeyedQueue } from '../../src/model/keyed-queue.js';
import { type Network, NetworkRecord, NodeNetworkRecord, networkKey, nodeNetworkKey } from '../../src/model/network.js';
import { defaultProfile, ProfileRecord, profileKey } from '../../src/model/profile.js';
import { THIS_NODE } from '../builders/clusters.js';
import { aNodeNetwork, anEndpoint } from '../builders/docker.js';
import { eventually } from '../contracts/eventually.js';
import { EngineModel } from '../fakes/engine-model.js';
import { InMemoryDataplane } from '../fakes/in-memory-dataplane.js';
import { InMemoryDatastore } from '../fakes/in-memory-datastore.js';
import { InMemoryHostPorts } from '../fakes/in-memory-host-ports.js';
import { ManualClock } from '../fakes/manual-clock.js';

const WEB = parseNetworkName('web');

/** One node: Docker, datastore and kernel are models; time stands still unless moved. */
function aNode() {
  const engine = new EngineModel();
  const datastore = new InMemoryDatastore();
  const store = new ClusterCache({ datastore, node: THIS_NODE, log: silentLogger });
  const dataplane = new InMemoryDataplane();
  const clock = new ManualClock('2026-01-01T00:10:00.000Z');
  const queue = new KeyedQueue<string>();
  const reclaims: (readonly DockerNetwork[] | undefined)[] = [];
  const warnings: string[] = [];
  const log = { ...silentLogger, warn: (_: object, message: string) => void warnings.push(message) };
  let reconciler: Reconciler | undefined;
  return {
    engine,
    datastore,
    store,
    dataplane,
    clock,
    queue,
    reclaims,
    warnings,
    start() {
      reconciler = new Reconciler({
        node: THIS_NODE,
        store,
        addresses: {
          bind: async () => {},
          unbind: async ({ alongside }) => void (await store.transact(alongside)),
        },
        dataplane,
        docker: engine.docker,
        hostPorts: new InMemoryHostPorts(),
        hostRoutes: { list: async () => [] },
        clock,
        queue,
        settings: { datastore: 'embedded', mtu: () => 1_500 },
        reclaim: {
          async reclaim(docker) {
            reclaims.push(docker);
            return { addresses: [], subnets: [] };
          },
        },
        links: { links: async () => [] },
        isOurDriver: (driver) => driver === 'corduroy',
        log,
      });
      return reconciler;
    },
    putEndpoint(endpoint: Endpoint) {
      datastore.put(endpointKey(THIS_NODE, endpoint.id), EndpointRecord.encode(endpoint));
    },
    putNetwork(id: DockerNetworkId, name = WEB, provisional = false) {
      const network: Network = {
        name,
        subnets: [],
        ipam: 'corduroy',
        internal: false,
        options: { profiles: [], publish: 'allow' },
      };
      datastore.put(networkKey(name), NetworkRecord.encode(network));
      datastore.put(
        nodeNetworkKey(THIS_NODE, id),
        NodeNetworkRecord.encode(aNodeNetwork(id, { network: name, provisional })),
      );
    },
    endpoint: (id: EndpointId) => store.endpoints.get(id)?.value,
    async stop() {
      await reconciler?.close();
      await store.close();
    },
  };
}

let node: ReturnType<typeof aNode>;
beforeEach(() => {
  node = aNode();
});
afterEach(() => node.stop());

/** Time passes, and what waits for it is done. */
async function pass(ms: number, times = 1): Promise<void> {
  for (let i = 0; i < times; i++) {
    node.clock.advance(ms);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a container that Docker runs', () => {
  let endpoint: Endpoint;
  beforeEach(async () => {
    const id = await node.engine.createNetwork('web');
    node.putNetwork(id);
    await node.engine.run('web-1', 'web', { 'corduroy.profiles': 'db', 'com.docker.compose.project': 'shop' });
    endpoint = anEndpoint({ id: node.engine.endpointOf('web-1'), dockerNetworkId: id });
    node.putEndpoint(endpoint);
  });

  test('is known to its endpoint, with its profiles and labels', async () => {
    node.start();
    await eventually(() =>
      expect(node.endpoint(endpoint.id)).toMatchObject({
        container: { name: 'web-1' },
        containerProfiles: ['db'],
        labels: { 'com.docker.compose.project': 'shop', 'docker/name': 'web-1', 'docker/image': 'lab:1' },
      }),
    );
  });

  test('with a profile that does not exist is told, until the profile is made', async () => {
    const reconciler = node.start();
    const kinds = () => reconciler.status().findings.map(({ kind }) => kind);
    await eventually(() => expect(kinds()).toEqual(['unknown-profile']));
    expect(node.warnings).toEqual([expect.stringContaining('corduroy profile add db')]);
    const db = parseProfileName('db');
    node.datastore.put(profileKey(db), ProfileRecord.encode(defaultProfile(db)));
    await eventually(() => expect(kinds()).toEqual([]));
  });

  test('is followed when it gets another name', async () => {
    node.start();
    await eventually(() => expect(node.endpoint(endpoint.id)?.container?.name).toBe('web-1'));
    await node.engine.rename('web-1', 'web-2');
    await pass(100);
    await eventually(() => expect(node.endpoint(endpoint.id)?.container?.name).toBe('web-2'));
  });

  test('is learned though others write the record at the same time', async () => {
    const key = endpointKey(THIS_NODE, endpoint.id);
    await node.store.ready();
    node.datastore.interfereWithNext({
      kind: 'put',
      key,
      value: EndpointRecord.encode({
        ...endpoint,
        published: [{ protocol: 'tcp', containerPort: 80, hostPort: 8080 }],
      }),
    });
    node.start();
    await eventually(async () => {
      await pass(20);
      expect(node.endpoint(endpoint.id)).toMatchObject({
        container: { name: 'web-1' },
        published: [{ hostPort: 8080 }],
      });
    });
  });

  test('keeps its endpoint, whatever time passes', async () => {
    await node.dataplane.attach(endpoint, { mtu: 1_500 });
    node.start();
    await pass(60_000, 5);
    expect(node.endpoint(endpoint.id)).toBeDefined();
    expect(node.dataplane.attached().has(endpoint.id)).toBe(true);
  });

  test('and that died while nobody looked leaves nothing behind', async () => {
    await node.dataplane.attach(endpoint, { mtu: 1_500 });
    await node.engine.removeContainer('web-1');
    const reconciler = node.start();
    await pass(31_000, 3);
    expect(node.endpoint(endpoint.id)).toBeUndefined();
    expect(node.dataplane.attached().size).toBe(0);
    expect(reconciler.status()).toMatchObject({ dockerSilence: undefined, freedEndpoints: 1, findings: [] });
  });

  test('is not freed beside a call of Docker about the same endpoint, nor counted if that call removed it', async () => {
    await node.engine.removeContainer('web-1');
    let finish = () => {};
    const call = node.queue.run(endpoint.id, async () => {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      await node.store.transact({
        compares: [],
        writes: [{ kind: 'delete', key: endpointKey(THIS_NODE, endpoint.id) }],
      });
    });
    const reconciler = node.start();
    await pass(31_000, 3);
    expect(node.endpoint(endpoint.id)).toBeDefined();
    finish();
    await call;
    await pass(31_000);
    expect(node.endpoint(endpoint.id)).toBeUndefined();
    expect(reconciler.status()).toMatchObject({ freedEndpoints: 0 });
  });

  test('and that died while Docker does not answer keeps all it has, until Docker tells', async () => {
    await node.dataplane.attach(endpoint, { mtu: 1_500 });
    await node.engine.removeContainer('web-1');
    await node.engine.stop();
    const reconciler = node.start();
    await pass(60_000, 5);
    expect(node.dataplane.attached().has(endpoint.id)).toBe(true);
    expect(reconciler.status()).toMatchObject({ dockerSilence: expect.any(String), freedEndpoints: 0 });
    expect(new Set(node.reclaims)).toEqual(new Set([undefined]));
    await node.engine.start();
    await pass(31_000, 3);
    expect(node.dataplane.attached().size).toBe(0);
  });
});

test('a Docker whose events come and that cannot list its networks yet is asked again within seconds', async () => {
  node.engine.docker.silence();
  const reconciler = node.start();
  await pass(0);
  expect(reconciler.status().dockerSilence).toBe('it is silent; let it speak');
  node.engine.docker.speak({ anew: false });
  await pass(5_001);
  expect(reconciler.status().dockerSilence).toBeUndefined();
});

describe('a container that Docker tells only later', () => {
  test('is asked for again', async () => {
    const id = await node.engine.createNetwork('web');
    node.putNetwork(id);
    node.start();
    await pass(0);
    const endpoint = anEndpoint({ id: parseEndpointId(shortHash('later', 64)), dockerNetworkId: id });
    node.putEndpoint(endpoint);
    await pass(20, 2);
    expect(node.endpoint(endpoint.id)?.container).toBeUndefined();
    node.engine.attach('web', endpoint.id, { containerName: 'late' });
    const late = { id: 'c1', name: 'late', state: 'created', image: 'i', labels: {}, networks: ['web'] };
    node.engine.docker.addContainer(late);
    await pass(500, 2);
    expect(node.endpoint(endpoint.id)?.container).toEqual({ id: 'c1', name: 'late' });
  });
});

describe('containers that start at the same time', () => {
  test('are asked for together, and one that Docker does not tell keeps no other waiting', async () => {
    const id = await node.engine.createNetwork('web');
    node.putNetwork(id);
    node.start();
    await pass(0);
    node.putEndpoint(anEndpoint({ id: parseEndpointId(shortHash('silent', 64)), dockerNetworkId: id }));
    await pass(1_000, 3);
    const names = ['a1', 'a2', 'a3', 'a4'];
    for (const name of names) {
      await node.engine.run(name, 'web');
      node.putEndpoint(anEndpoint({ id: node.engine.endpointOf(name), dockerNetworkId: id }));
    }
    await pass(60, 2);
    expect(names.map((name) => node.endpoint(node.engine.endpointOf(name))?.container?.name)).toEqual(names);
  });
});

describe('a network', () => {
  test('under a provisional name takes the real one as soon as Docker tells it', async () => {
    const id = await node.engine.createNetwork('web');
    node.putNetwork(id, parseNetworkName('docker-1'), true);
    node.start();
    await eventually(() => expect(node.store.localNetworks.get(id)?.value.network).toBe('web'));
    expect([...node.store.profiles.keys()]).toEqual(['web']);
  });

  test('whose records were lost is there again, with a warning', async () => {
    const id = await node.engine.createNetwork('web');
    node.start();
    await eventually(() => expect(node.store.localNetworks.get(id)?.value).toMatchObject({ network: 'web' }));
    expect(node.store.networks.get(WEB)?.value).toMatchObject({
      subnets: [{ cidr: '10.77.0.0/24', gateway: '10.77.0.1' }],
      ipam: 'docker',
    });
    expect(node.warnings).toEqual([expect.stringContaining('made anew')]);
  });

  test('that was removed while the daemon was away is forgotten', async () => {
    const id = await node.engine.createNetwork('web');
    node.putNetwork(id);
    await node.engine.removeNetwork('web');
    node.start();
    await pass(31_000, 3);
    expect(node.store.localNetworks.size).toBe(0);
    expect(node.store.networks.size).toBe(0);
  });
});
