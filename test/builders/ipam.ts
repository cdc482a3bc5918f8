import type { IpamOptions } from '../../ipam-driver/allocation-context.js';
import { createIpam, type Ipam } from '../../ipam-driver/ipam.js';
import { OwnBlocks } from '../../src/composition/own-blocks.js';
import { WatchedBlocks } from '../../src/composition/watched-blocks.js';
import type { Clock } from '../../src/effects/clock.js';
import type { ClusterBlocks } from '../../src/effects/cluster-blocks.js';
import type { ClusterStore } from '../../src/effects/cluster-view.js';
import type { Datastore } from '../../src/effects/datastore.js';
import type { HostRoute } from '../../src/effects/host-routes.js';
import { silentLogger } from '../../src/effects/logger.js';
import { ClusterCache } from '../../src/infrastructure/cluster-cache.js';
import { type Cidr, parseCidr } from '../../src/model/cidr.js';
import { EndpointRecord, endpointKey } from '../../src/model/endpoint.js';
import {
  type DockerNetworkId,
  type HandleId,
  parseDockerNetworkId,
  parseEndpointId,
  parseHandleId,
  parseNetworkName,
  parseNodeName,
} from '../../src/model/ids.js';
import { type IpAddress, type IpFamily, parseIpAddress } from '../../src/model/ip-address.js';
import { parseMacAddress } from '../../src/model/mac-address.js';
import { NetworkRecord, NodeNetworkRecord, networkKey, nodeNetworkKey } from '../../src/model/network.js';
import type { CallContext } from '../../src/protocol/call.js';
import { parseRequestAddress, parseRequestPool, type RequestPoolReply } from '../../src/protocol/ipam-driver.js';
import { InMemoryDatastore } from '../fakes/in-memory-datastore.js';
import { ManualClock } from '../fakes/manual-clock.js';

const ALWAYS: CallContext = { signal: new AbortController().signal, log: silentLogger };
const NOTHING = { compares: [], writes: [] };

/** A node's address management, spoken to in Docker's words. */
export interface TestNode {
  readonly name: string;
  readonly ipam: Ipam;
  readonly cluster: ClusterStore;
  readonly hostRoutes: HostRoute[];
  /** Addresses that the kernel still knows. */
  readonly busy: Set<string>;
  /** Lets the kernel forget. */
  calm(address: string): void;
  requestPool(request?: {
    Pool?: string;
    SubPool?: string;
    Options?: Record<string, string>;
    V6?: boolean;
  }): Promise<RequestPoolReply>;
  releasePool(poolId: string): Promise<void>;
  /** The reply's text, with prefix length. */
  requestAddress(poolId: string, address?: string, endpointName?: string): Promise<string>;
  requestGateway(poolId: string, address?: string): Promise<string>;
  releaseAddress(poolId: string, address: string): Promise<void>;
  bind(address: string, handle: string): Promise<void>;
  unbind(address: string, handle: string): Promise<void>;
  /** As CreateNetwork does: the records that say that a network has the subnet. */
  makeNetwork(name: string, subnet: string): Promise<void>;
  /** As CreateEndpoint does, for container `front`, but for the binding of its address. */
  makeEndpoint(network: string, id: string, address: string): Promise<void>;
}

export interface TestCluster {
  readonly datastore: InMemoryDatastore;
  readonly clock: ManualClock;
  node(name: string, options?: { labels?: readonly string[]; settings?: Partial<IpamOptions> }): Promise<TestNode>;
  close(): Promise<void>;
}

/** Many nodes over one store, with default pools 10.64.0.0/12 and fd80:c0de::/48 unless `pools` says otherwise. */
export function aCluster(): TestCluster {
  const datastore = new InMemoryDatastore();
  const clock = new ManualClock();
  const caches: ClusterCache[] = [];
  const blocks = new WatchedBlocks({ datastore });
  return {
    datastore,
    clock,
    async node(name, { labels = [], settings } = {}) {
      const cluster = new ClusterCache({ datastore, node: parseNodeName(name), log: silentLogger });
      caches.push(cluster);
      await cluster.ready();
      return aNode({
        name,
        cluster,
        blocks,
        datastore,
        clock,
        labels,
        ...(settings === undefined ? {} : { settings }),
      });
    },
    close: async () => {
      for (const cache of caches) await cache.close();
      await blocks.close();
    },
  };
}

/** One node's address management over any store, by any clock. */
export function aNode(parts: {
  name: string;
  cluster: ClusterStore;
  /** Of all nodes. */
  blocks: ClusterBlocks;
  datastore: Pick<Datastore, 'get' | 'list'>;
  clock: Clock;
  labels?: readonly string[];
  settings?: Partial<IpamOptions>;
  families?: readonly IpFamily[];
}): TestNode {
  const { name, cluster, blocks, datastore, clock } = parts;
  const hostRoutes: HostRoute[] = [];
  const busy = new Set<string>();
  const waiting = new Map<string, (() => void)[]>();
  const ipam = createIpam({
    node: parseNodeName(name),
    datastore,
    store: cluster,
    heldBlocks: new OwnBlocks({ blocks, node: parseNodeName(name) }),
    hostRoutes: { list: async () => hostRoutes },
    addressQuiet: (address) =>
      busy.has(address)
        ? new Promise((resolve) => waiting.set(address, [...(waiting.get(address) ?? []), resolve]))
        : Promise.resolve(),
    clock,
    log: silentLogger,
    families: parts.families ?? [4, 6],
    nodeMatches: (selector) => parts.labels?.includes(selector) === true,
    ...(parts.settings === undefined ? {} : { settings: parts.settings }),
  });
  const { handlers, assignments } = ipam;
  return {
    name,
    ipam,
    cluster,
    hostRoutes,
    busy,
    calm: (address) => {
      busy.delete(address);
      for (const resolve of waiting.get(address) ?? []) resolve();
    },
    requestPool: (request = {}) =>
      handlers.RequestPool(
        parseRequestPool({ AddressSpace: 'local', Pool: '', SubPool: '', Options: {}, V6: false, ...request }),
        ALWAYS,
      ),
    releasePool: async (poolId) => void (await handlers.ReleasePool({ poolId }, ALWAYS)),
    requestAddress: async (poolId, address = '', endpointName) => {
      const Options = endpointName === undefined ? null : { 'com.docker.network.endpoint.name': endpointName };
      const reply = await handlers.RequestAddress(
        parseRequestAddress({ PoolID: poolId, Address: address, Options }),
        ALWAYS,
      );
      return reply.Address;
    },
    requestGateway: async (poolId, address = '') => {
      const Options = { RequestAddressType: 'com.docker.network.gateway' };
      const reply = await handlers.RequestAddress(
        parseRequestAddress({ PoolID: poolId, Address: address, Options }),
        ALWAYS,
      );
      return reply.Address;
    },
    releaseAddress: async (poolId, address) =>
      void (await handlers.ReleaseAddress({ poolId, address: ip(address) }, ALWAYS)),
    bind: (address, handle) =>
      assignments.bind({ addresses: [ip(address)], handle: handleOf(handle), alongside: NOTHING }),
    unbind: (address, handle) =>
      assignments.unbind({ addresses: [ip(address)], handle: handleOf(handle), alongside: NOTHING }),
    makeNetwork: (network, subnet) => makeNetwork(cluster, name, network, parseCidr(subnet)),
    makeEndpoint: (network, id, address) => makeEndpoint(cluster, name, { network, id, address }),
  };
}

export const ip = (text: string): IpAddress => parseIpAddress(text.replace(/\/.*/, ''));
export const handleOf = (name: string): HandleId => parseHandleId(name);

async function makeNetwork(cluster: ClusterStore, node: string, name: string, cidr: Cidr): Promise<void> {
  const id = networkIdOf(node, name);
  const network = parseNetworkName(name);
  await cluster.transact({
    compares: [],
    writes: [
      {
        kind: 'put',
        key: networkKey(network),
        value: NetworkRecord.encode({
          name: network,
          subnets: [{ cidr }],
          ipam: 'corduroy',
          internal: false,
          options: { profiles: [], publish: 'allow' },
        }),
      },
      {
        kind: 'put',
        key: nodeNetworkKey(parseNodeName(node), id),
        value: NodeNetworkRecord.encode({
          node: parseNodeName(node),
          dockerNetworkId: id,
          network,
          provisional: false,
          linkLocalGateway: parseIpAddress('169.254.7.1'),
        }),
      },
    ],
  });
}

const networkIdOf = (node: string, name: string): DockerNetworkId =>
  parseDockerNetworkId(Buffer.from(`${node}-${name}`).toString('hex').padEnd(64, '0').slice(0, 64));

async function makeEndpoint(
  cluster: ClusterStore,
  node: string,
  { network, id, address }: { network: string; id: string; address: string },
): Promise<void> {
  const value = EndpointRecord.encode({
    id: parseEndpointId(id),
    node: parseNodeName(node),
    dockerNetworkId: networkIdOf(node, network),
    mac: parseMacAddress('02:00:00:00:00:01'),
    addresses: [ip(address)],
    tags: [],
    labels: {},
    container: { id: 'c'.repeat(64), name: 'front' },
    published: [],
    createdAt: '2026-01-01T00:00:00.000Z',
  });
  const key = endpointKey(parseNodeName(node), parseEndpointId(id));
  await cluster.transact({ compares: [], writes: [{ kind: 'put', key, value }] });
}
