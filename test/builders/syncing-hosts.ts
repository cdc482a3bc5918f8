import { afterEach, beforeEach } from '@jest/globals';
import type { DriverDependencies } from '../../driver/dependencies.js';
import { networkDriverHandlers } from '../../driver/handlers.js';
import { learnNetworkName } from '../../driver/network-name.js';
import { asTold } from '../../driver/network-recipe.js';
import { NetworkSync } from '../../driver/network-sync.js';
import { NetworksUnderWay } from '../../driver/networks-under-way.js';
import { silentLogger } from '../../src/effects/logger.js';
import { ClusterCache } from '../../src/infrastructure/cluster-cache.js';
import { parseCidr } from '../../src/model/cidr.js';
import { describeError } from '../../src/model/errors.js';
import { parseNodeName } from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { KeyedQueue } from '../../src/model/keyed-queue.js';
import type { NetworkPlan } from '../../src/model/network-plan.js';
import { NodeRecord, nodeKey } from '../../src/model/node.js';
import { CallingEngine } from '../fakes/calling-engine.js';
import { InMemoryDataplane } from '../fakes/in-memory-dataplane.js';
import { InMemoryDatastore } from '../fakes/in-memory-datastore.js';
import { InMemoryHostPorts } from '../fakes/in-memory-host-ports.js';
import { ManualClock } from '../fakes/manual-clock.js';
import { aNetworkPlan } from './docker.js';

/** What a user asks Docker for, in one subnet unless told otherwise. */
export const plan = (name: string, changes: Partial<NetworkPlan> = {}): NetworkPlan =>
  aNetworkPlan(name, {
    subnets: [{ cidr: parseCidr('10.70.0.0/24'), gateway: parseIpAddress('10.70.0.1'), auxiliary: {} }],
    ...changes,
  });

export const subnet = (cidr: string) => ({ subnets: [{ cidr: parseCidr(cidr), auxiliary: {} }] });

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
  const refusals = new Set<string>();
  // As the reconciler does.
  const nameIt = async (): Promise<void> => {
    for (const network of (await engine.docker.networks()) ?? []) {
      if (network.driver !== 'corduroy') continue;
      await learnNetworkName({ ...deps, log: silentLogger }, asTold(network)).catch((error) => {
        refusals.add(describeError(error));
      });
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
    /** Why networks have no name, as the reconciler tells. */
    refusals,
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

export type Host = ReturnType<typeof aHost>;

/** Hosts that share a store, and a clock that stands still unless moved. */
export async function aSyncingCluster(names: readonly string[]) {
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

export const existing = (host: Host | undefined): Host => {
  if (host === undefined) throw new Error('there is no such host');
  return host;
};

/** Three hosts for each test of the file that calls this. */
export function useSyncingCluster() {
  let cluster: Awaited<ReturnType<typeof aSyncingCluster>>;
  beforeEach(async () => {
    cluster = await aSyncingCluster(['a', 'b', 'c']);
  });
  afterEach(() => cluster.stop());
  const [a, b, c] = [0, 1, 2].map((index) => () => existing(cluster.hosts[index])) as [
    () => Host,
    () => Host,
    () => Host,
  ];
  return {
    ...{ a, b, c },
    cluster: () => cluster,
    /** The names of the networks that each host's Docker has. */
    everywhere: () => Promise.all(cluster.hosts.map((host) => host.names())),
  };
}
