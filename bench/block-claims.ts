import { WatchedBlocks } from '../src/composition/watched-blocks.js';
import type { ClusterStore } from '../src/effects/cluster-view.js';
import type { Datastore } from '../src/effects/datastore.js';
import { silentLogger } from '../src/effects/logger.js';
import { ClusterCache } from '../src/infrastructure/cluster-cache.js';
import { EtcdDatastore } from '../src/infrastructure/etcd/etcd-datastore.js';
import { systemClock } from '../src/infrastructure/system-clock.js';
import { parseCidr } from '../src/model/cidr.js';
import { parseNodeName } from '../src/model/ids.js';
import { aNode, type TestNode } from '../test/builders/ipam.js';
import { EtcdServer } from '../test/etcd/etcd-server.js';
import type { Measurement } from './result-table.js';

/** Nodes that share a connection to etcd: each node has its own, but the process of this bench only so many. */
const NODES_PER_CONNECTION = 25;
/** 16,384 blocks of 64 addresses. */
const SUBNET = '10.80.0.0/12';
const SUBNET_LENGTH = 12;

/**
 * Nodes that all get another's network at the same moment, and then all start a container: each joins the subnet,
 * reserves its gateway, claims a block, and assigns a second address. All of it in this one process, on one etcd.
 */
export async function measureBlockClaims(count: number): Promise<readonly Measurement[]> {
  const etcd = await EtcdServer.start();
  const stores = Array.from({ length: Math.ceil(count / NODES_PER_CONNECTION) }, () => openStore(etcd.endpoint));
  const blocks = new WatchedBlocks({ datastore: stores[0] as Datastore });
  const view = new ClusterCache({ datastore: stores[0] as Datastore, node: parseNodeName('n0'), log: silentLogger });
  try {
    await view.ready();
    const conflicts = { count: 0 };
    const nodes = Array.from({ length: count }, (_, n) => {
      const datastore = stores[n % stores.length] as Datastore;
      const cluster = counting(view, datastore, conflicts);
      return aNode({ name: `n${n}`, cluster, blocks, datastore, clock: systemClock });
    });
    await nodes[0]?.ipam.admin.addPools([{ cidr: parseCidr(SUBNET), networkPrefix: SUBNET_LENGTH }]);
    // As a network spreads: one node makes it, all others follow.
    const datastore = stores[0] as Datastore;
    const first = aNode({ name: 'first', cluster: view, blocks, datastore, clock: systemClock });
    await first.requestGateway((await first.requestPool({ Pool: SUBNET })).PoolID);
    return await measureSteps(nodes, conflicts);
  } finally {
    await view.close();
    await blocks.close();
    await Promise.all(stores.map((store) => store.close()));
    await etcd.destroy();
  }
}

async function measureSteps(nodes: readonly TestNode[], conflicts: { count: number }): Promise<Measurement[]> {
  const row = `${nodes.length} nodes at once, etcd`;
  const pools = new Map<TestNode, string>();
  const pool = (node: TestNode): string => pools.get(node) ?? '';
  const steps: readonly (readonly [string, (node: TestNode) => Promise<unknown>])[] = [
    ['join the subnet', async (node) => pools.set(node, (await node.requestPool({ Pool: SUBNET })).PoolID)],
    ['reserve its gateway', (node) => node.requestGateway(pool(node))],
    ['claim a block, first address', (node) => node.requestAddress(pool(node))],
    ['second address', (node) => node.requestAddress(pool(node))],
  ];
  const measurements: Measurement[] = [];
  for (const [variant, deed] of steps) {
    conflicts.count = 0;
    const begun = performance.now();
    const samples = await Promise.all(nodes.map((node) => deed(node).then(() => performance.now() - begun)));
    measurements.push({ row, variant: `${variant}: until each is done`, unit: 'ms', samples });
    measurements.push({ row, variant: `${variant}: conflicts`, unit: 'conflicts', samples: [conflicts.count] });
  }
  return measurements;
}

const openStore = (endpoint: string): Datastore =>
  new EtcdDatastore({ endpoints: [endpoint], credentials: {}, log: silentLogger, deadlineMs: 60_000 });

/** The view of all, with a connection and a count of one's own. */
function counting(view: ClusterCache, datastore: Datastore, conflicts: { count: number }): ClusterStore {
  return new Proxy(view as ClusterStore, {
    get: (target, name) => {
      if (name === 'transact') {
        return async (transaction: Parameters<Datastore['transact']>[0]) => {
          const outcome = await datastore.transact(transaction);
          if (outcome.kind === 'conflict') conflicts.count += 1;
          return outcome;
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
