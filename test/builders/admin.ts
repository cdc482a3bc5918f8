import { NodeRemover } from '../../driver/node-removal.js';
import { SwarmNetworks } from '../../driver/swarm-networks.js';
import type { BgpStatus, BgpStatusSource } from '../../src/effects/bgp-status.js';
import type { DataplaneStatus } from '../../src/effects/dataplane-status.js';
import type { HostFacts } from '../../src/effects/host-facts.js';
import { silentLogger } from '../../src/effects/logger.js';
import type { ReconcileStatus } from '../../src/effects/reconcile-status.js';
import type { SubnetHolds } from '../../src/effects/subnet-holds.js';
import { ClusterCache } from '../../src/infrastructure/cluster-cache.js';
import { StoredNodeLiveness } from '../../src/infrastructure/stored-node-liveness.js';
import { systemClock } from '../../src/infrastructure/system-clock.js';
import { parseCidr } from '../../src/model/cidr.js';
import { type Endpoint, EndpointRecord, endpointKey } from '../../src/model/endpoint.js';
import { parseDockerNetworkId, parseEndpointId, parseNetworkName, parseNodeName } from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { parseMacAddress } from '../../src/model/mac-address.js';
import { NetworkRecord, NodeNetworkRecord, networkKey, nodeNetworkKey } from '../../src/model/network.js';
import { NodeRecord, nodeKey } from '../../src/model/node.js';
import { defaultProfile, ProfileRecord, profileKey } from '../../src/model/profile.js';
import type { AdminContext } from '../../src/server/admin/admin-context.js';
import { createMetrics, type Metrics } from '../../src/server/metrics.js';
import { InMemoryDatastore } from '../fakes/in-memory-datastore.js';
import { InMemoryDockerNetworks } from '../fakes/in-memory-docker-networks.js';
import { InMemoryIpamAdmin } from '../fakes/in-memory-ipam-admin.js';
import { InMemorySwarm } from '../fakes/in-memory-swarm.js';

const NODE = parseNodeName('alpha');
const NETWORK_ID = parseDockerNetworkId('n'.repeat(25));
const STARTED = '2026-01-01T00:00:00.000Z';

/** A host on which nothing is wrong. */
export const goodHost: HostFacts = {
  root: true,
  netAdmin: true,
  kernelRefusals: [],
  settingsWritable: true,
  missingTools: [],
  forwarding: { ipv4: true, ipv6: true },
  rpFilterAll: 0,
  bridgeNfCallIptables: undefined,
  filters: { nft: { rules: 12, docker: true, forwardPolicy: 'ACCEPT' }, legacy: undefined },
  iptablesDefault: 'nft',
  activeFirewalls: [],
  docker: { kind: 'answers', version: '28.5.1' },
  pluginSocket: 'answers',
  uplinks: [{ name: 'eth0', mtu: 1500 }],
  routes: [{ destination: parseCidr('192.0.2.0/24'), interfaceName: 'eth0' }],
};

export function anEndpoint(fill: string, container: string, address: string): Endpoint {
  return {
    id: parseEndpointId(fill.repeat(64).slice(0, 64)),
    node: NODE,
    dockerNetworkId: NETWORK_ID,
    mac: parseMacAddress('02:00:00:00:00:01'),
    addresses: [parseIpAddress(address)],
    tags: [],
    labels: { tier: 'front' },
    container: { id: fill.repeat(64).slice(0, 64), name: container },
    published: [{ protocol: 'tcp', containerPort: 80, hostPort: 8080 }],
    createdAt: STARTED,
  };
}

export interface AdminHarness {
  readonly context: AdminContext;
  readonly datastore: InMemoryDatastore;
  readonly ipam: InMemoryIpamAdmin;
  readonly dockerNetworks: InMemoryDockerNetworks;
  readonly swarm: InMemorySwarm;
  readonly metrics: Metrics;
  /** What `settled` does from now on. */
  settle: () => Promise<void>;
  status: DataplaneStatus;
  bgpStatus: BgpStatus;
  close(): Promise<void>;
}

/** A node `alpha` with pool 10.64.0.0/12, network and profile `web`, containers `front` and `back` on it. */
export async function anAdminHarness(): Promise<AdminHarness> {
  const datastore = new InMemoryDatastore();
  const ipam = new InMemoryIpamAdmin();
  await ipam.addPools([{ cidr: parseCidr('10.64.0.0/12'), name: 'main' }]);
  ipam.assigned.add(parseIpAddress('10.64.0.2'));
  await seed(datastore);
  const store = new ClusterCache({ datastore, node: NODE, log: silentLogger });
  await store.ready();
  const harness = { settle: async (): Promise<void> => {}, status: aStatus, bgpStatus: aBgpStatus } as {
    -readonly [K in keyof AdminHarness]: AdminHarness[K];
  };
  const dataplaneStatus = { status: () => harness.status };
  const bgp: BgpStatusSource = {
    status: async () => harness.bgpStatus,
    settled: async () => harness.bgpStatus.problems[0],
  };
  const metrics = createMetrics({ node: NODE, version: '1.2.3', store, datastore, dataplaneStatus, ipam, bgp });
  const dockerNetworks = new InMemoryDockerNetworks(store, NODE, new Set([NETWORK_ID]));
  const attached = new Set([anEndpoint('a', 'front', '10.64.0.2').id]);
  const liveness = new StoredNodeLiveness(datastore, NODE);
  const swarm = new InMemorySwarm();
  const context: AdminContext = {
    node: NODE,
    version: '1.2.3',
    startedAt: new Date(STARTED),
    settings: [{ name: 'datastore', value: 'embedded', source: 'default' }],
    store,
    datastore,
    dataplane: { settled: () => harness.settle(), attached: () => attached },
    dataplaneStatus,
    ipam,
    bgp,
    dockerNetworks,
    nodeAdmin: new NodeRemover({ store, ipam, liveness, clock: systemClock }),
    liveness,
    networkSync: false,
    swarm,
    swarmNetworks: new SwarmNetworks({ store, clock: systemClock, holds }),
    reconcileStatus: () => aReconcileStatus,
    hostFacts: async () => goodHost,
    supportsTunnel: async (kind) => kind === 'vxlan',
    metrics: () => metrics.text(),
    clock: { ...systemClock, sleep: async () => {} },
    log: silentLogger,
    settleMs: 1000,
  };
  return Object.assign(harness, {
    context,
    datastore,
    ipam,
    dockerNetworks,
    swarm,
    metrics,
    close: () => store.close(),
  });
}

/** Whatever is asked for can be had. */
const holds: SubnetHolds = {
  hold: async ({ cidr }) => ({ cidr: cidr ?? parseCidr('10.64.7.0/24'), release: async () => {} }),
};

/** Another node, with one endpoint on a network of its own. */
export async function addNode({ context: { store } }: Pick<AdminHarness, 'context'>, text: string): Promise<void> {
  const name = parseNodeName(text);
  const dockerNetworkId = parseDockerNetworkId('e'.repeat(64));
  const endpoint = { ...anEndpoint('e', `${text}-1`, '10.64.9.9'), node: name, dockerNetworkId };
  const network = parseNetworkName(`${text}-net`);
  const linkLocalGateway = parseIpAddress('169.254.7.7');
  const options = { profiles: [], publish: 'allow' } as const;
  const records: readonly (readonly [string, string])[] = [
    [nodeKey(name), NodeRecord.encode({ name, labels: {}, version: '1.2.3', startedAt: STARTED })],
    [
      networkKey(network),
      NetworkRecord.encode({ name: network, subnets: [], ipam: 'corduroy', internal: false, options }),
    ],
    [
      nodeNetworkKey(name, dockerNetworkId),
      NodeNetworkRecord.encode({ node: name, dockerNetworkId, network, provisional: false, linkLocalGateway }),
    ],
    [endpointKey(name, endpoint.id), EndpointRecord.encode(endpoint)],
  ];
  await store.transact({ compares: [], writes: records.map(([key, value]) => ({ kind: 'put', key, value })) });
}

const aReconcileStatus: ReconcileStatus = {
  lastRun: { at: new Date(STARTED), durationMs: 3 },
  freedEndpoints: 2,
  findings: [
    {
      kind: 'unknown-profile',
      subject: 'front',
      message: 'its label names profile "nope", which does not exist; add it',
    },
  ],
};

const aBgpStatus: BgpStatus = {
  sessions: [
    {
      peer: 'beta',
      address: parseIpAddress('10.99.0.12'),
      asNumber: 64_512,
      type: 'mesh',
      state: 'established',
      since: new Date(STARTED),
      imported: 2,
      exported: 1,
      error: undefined,
    },
    {
      peer: '10.99.0.1',
      address: parseIpAddress('10.99.0.1'),
      asNumber: 64_600,
      type: 'global',
      state: 'active',
      since: new Date(STARTED),
      imported: 0,
      exported: 0,
      error: 'Socket: Connection refused',
    },
  ],
  problems: [],
};

const aStatus: DataplaneStatus = {
  backend: 'nft',
  synced: true,
  lastResync: { at: new Date(STARTED), durationMs: 12 },
  repairsTotal: 1,
  refused: [],
  repairs: [{ at: new Date(STARTED), what: 'chain', detail: 'mangle/cord-fwd: differs' }],
  attached: 1,
  routeProblems: [],
};

async function seed(datastore: InMemoryDatastore): Promise<void> {
  const web = parseNetworkName('web');
  const records: readonly (readonly [string, string])[] = [
    [nodeKey(NODE), NodeRecord.encode({ name: NODE, labels: {}, version: '1.2.3', startedAt: STARTED })],
    [
      networkKey(web),
      NetworkRecord.encode({
        name: web,
        subnets: [{ cidr: parseCidr('10.64.0.0/24'), gateway: parseIpAddress('10.64.0.1') }],
        ipam: 'corduroy',
        internal: false,
        options: { profiles: [], publish: 'allow' },
      }),
    ],
    [
      nodeNetworkKey(NODE, NETWORK_ID),
      NodeNetworkRecord.encode({
        node: NODE,
        dockerNetworkId: NETWORK_ID,
        network: web,
        provisional: false,
        linkLocalGateway: parseIpAddress('169.254.1.1'),
      }),
    ],
    [profileKey('web' as never), ProfileRecord.encode(defaultProfile('web' as never))],
    ...[anEndpoint('a', 'front', '10.64.0.2'), anEndpoint('b', 'back', '10.64.0.3')].map(
      (endpoint) => [endpointKey(NODE, endpoint.id), EndpointRecord.encode(endpoint)] as const,
    ),
  ];
  await datastore.transact({
    compares: [],
    writes: records.map(([key, value]) => ({ kind: 'put', key, value })),
  });
}
