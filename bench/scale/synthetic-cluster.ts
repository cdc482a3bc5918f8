import { createHash } from 'node:crypto';
import type { StoredValue } from '../../src/effects/datastore.js';
import { BGP_SETTINGS_KEY, BgpSettingsRecord, DEFAULT_BGP_SETTINGS } from '../../src/model/bgp-settings.js';
import { type Allocation, BlockRecord, blockKey } from '../../src/model/block.js';
import { addressAt, type Cidr, networkOf, ordinalOf, parseCidr } from '../../src/model/cidr.js';
import { type Endpoint, EndpointRecord, endpointKey } from '../../src/model/endpoint.js';
import { HandleRecord, handleKey } from '../../src/model/handle.js';
import {
  parseDockerNetworkId,
  parseEndpointId,
  parseHandleId,
  parseNetworkName,
  parseNodeName,
  parseProfileName,
  parseTagName,
} from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { macOfEndpoint } from '../../src/model/mac-address.js';
import { NetworkRecord, NodeNetworkRecord, networkKey, nodeNetworkKey } from '../../src/model/network.js';
import { NodeRecord, nodeKey, parseRouteReflectorClusterId } from '../../src/model/node.js';
import { PoolRecord, poolKey } from '../../src/model/pool.js';
import { defaultProfile, ProfileRecord, profileKey } from '../../src/model/profile.js';
import { parseRule } from '../../src/model/rule-grammar.js';
import { parseReferenceId, SubnetHoldRecord, SubnetRecord, subnetHoldKey, subnetKey } from '../../src/model/subnet.js';

/** One text under one key, as a real cluster would have written it. */
export type SyntheticRecord = Pick<StoredValue, 'key' | 'value'>;

/** How many of each there are. Every node is on four networks with a block on each: one is everybody's. */
export interface ClusterSize {
  readonly nodes: number;
  readonly endpointsPerNode: number;
  readonly profiles: number;
  /** Of each node's endpoints, those on everybody's network. */
  readonly shared: number;
}

export const LARGE: ClusterSize = { nodes: 10_000, endpointsPerNode: 20, profiles: 2_000, shared: 1 };
export const SMALL: ClusterSize = { nodes: 500, endpointsPerNode: 20, profiles: 200, shared: 1 };
/** A tag of 10,000 members. */
export const TAGGED: ClusterSize = { nodes: 1_000, endpointsPerNode: 20, profiles: 400, shared: 10 };

export const SIZES = { large: LARGE, small: SMALL, tagged: TAGGED } as const;
export type SizeName = keyof typeof SIZES;

/** The network that every node has endpoints on. */
export const SHARED = { name: parseNetworkName('shared'), subnet: parseCidr('10.128.0.0/10') };
const OTHERS = parseCidr('10.192.0.0/10');
const NETWORKS = 200;
const OTHER_COUNT = NETWORKS - 1;
const BLOCK_LENGTH = 26;
const SINCE = '2026-01-01T00:00:00.000Z';

const idOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const nodeName = (node: number) => parseNodeName(`node-${String(node).padStart(5, '0')}`);
/** Network 0 is the shared one, whose subnet is a whole pool; the others have a /18 each. */
const networkName = (network: number) => (network === 0 ? SHARED.name : parseNetworkName(`net-${network}`));
const subnetOfNetwork = (network: number): Cidr =>
  network === 0 ? SHARED.subnet : networkOf(addressAt(OTHERS, network * 2 ** 14), 18);
const dockerNetworkId = (node: number, network: number) => parseDockerNetworkId(idOf(`network ${node} ${network}`));
const networksOfNode = (node: number): readonly number[] => [
  0,
  ...[0, 1, 2].map((place) => otherNetwork(node * 3 + place)),
];
/** The networks besides the shared one come round in turn. */
const otherNetwork = (n: number): number => 1 + (n % OTHER_COUNT);
/** No two nodes have the same block of a network; the first block, with the gateway, is nobody's. */
const blockOf = (node: number, network: number): Cidr => {
  const places = [0, 1, 2].map((place) => node * 3 + place);
  const place = network === 0 ? node : Math.floor((places.find((n) => otherNetwork(n) === network) ?? 0) / OTHER_COUNT);
  return networkOf(addressAt(subnetOfNetwork(network), (place + 1) * 64), BLOCK_LENGTH);
};

/** An endpoint of a node, the first ones of each node on the shared network. @param version another one has other labels */
export function syntheticEndpoint(size: ClusterSize, node: number, place: number, version = 0): Endpoint {
  const networks = networksOfNode(node);
  const network = place < size.shared ? 0 : (networks[1 + ((place - 1) % 3)] ?? 0);
  const id = parseEndpointId(idOf(`endpoint ${node} ${place}`));
  const project = `project-${(node * 7 + place) % 500}`;
  const container = idOf(`container ${node} ${place}`);
  const name = `${project}-web-${node}-${place}`;
  return {
    id,
    node: nodeName(node),
    dockerNetworkId: dockerNetworkId(node, network),
    mac: macOfEndpoint(id),
    addresses: [addressAt(blockOf(node, network), place)],
    ...(place % 3 === 1 && { containerProfiles: [profileName(size, node + place), parseProfileName('net-1')] }),
    tags: place % 10 === 9 ? [parseTagName(`team-${node % 50}`)] : [],
    labels: {
      'com.docker.compose.project': project,
      'com.docker.compose.service': `service-${place}`,
      'com.docker.compose.container-number': `${version}`,
      'docker/image': `registry.example.com/${project}/web:1.2.${version}`,
      'docker/name': name,
    },
    container: { id: container, name },
    published: [],
    createdAt: SINCE,
  };
}

/** A block of the shared network that no node of the cluster has. */
export function syntheticBlock(node: number, place: number): SyntheticRecord {
  const { subnet } = SHARED;
  const cidr = networkOf(addressAt(subnet, 2 ** 21 + place * 64), BLOCK_LENGTH);
  return {
    key: blockKey(subnet, cidr),
    value: BlockRecord.encode({ cidr, subnet, node: nodeName(node), cooling: [], allocations: new Map() }),
  };
}

export const recordOfEndpoint = (endpoint: Endpoint): SyntheticRecord => ({
  key: endpointKey(endpoint.node, endpoint.id),
  value: EndpointRecord.encode(endpoint),
});

const profileName = (size: ClusterSize, n: number) =>
  parseProfileName(`app-${n % Math.max(1, size.profiles - NETWORKS)}`);

/** All records of the cluster, the few before the many. */
export function* syntheticCluster(size: ClusterSize): Generator<SyntheticRecord> {
  // A full mesh of so many nodes would be no cluster that anybody runs.
  yield { key: BGP_SETTINGS_KEY, value: BgpSettingsRecord.encode({ ...DEFAULT_BGP_SETTINGS, mesh: false }) };
  for (const cidr of [SHARED.subnet, OTHERS]) yield pool(cidr);
  for (let n = 0; n < NETWORKS; n++) yield* network(n);
  for (let n = 0; n < size.profiles - NETWORKS; n++) yield profile(size, n);
  for (let node = 0; node < size.nodes; node++) yield* nodeRecords(size, node);
}

const pool = (cidr: Cidr): SyntheticRecord => ({
  key: poolKey(cidr),
  value: PoolRecord.encode({
    cidr,
    name: cidr.replace('/', '-'),
    blockSize: BLOCK_LENGTH,
    networkPrefix: 18,
    encapsulation: { kind: 'none' },
    natOutgoing: true,
    disabled: false,
  }),
});

function* network(n: number): Generator<SyntheticRecord> {
  const name = networkName(n);
  const cidr = subnetOfNetwork(n);
  const profile = defaultProfile(parseProfileName(name));
  yield {
    key: networkKey(name),
    value: NetworkRecord.encode({
      name,
      subnets: [{ cidr, gateway: addressAt(cidr, 1) }],
      ipam: 'corduroy',
      internal: false,
      options: { profiles: [], publish: 'allow' },
    }),
  };
  // The shared one's profile also selects by labels, so that every endpoint is looked at by a selector in use.
  const bySelector = parseRule('allow tcp from selector \'com.docker.compose.project == "project-7"\' to ports 8080');
  yield {
    key: profileKey(profile.name),
    value: ProfileRecord.encode(n === 0 ? { ...profile, inbound: [...profile.inbound, bySelector] } : profile),
  };
  yield {
    key: subnetKey(cidr),
    value: SubnetRecord.encode({
      cidr,
      pool: n === 0 ? SHARED.subnet : OTHERS,
      blockLength: BLOCK_LENGTH,
      use: 'used',
    }),
  };
}

function profile(size: ClusterSize, n: number): SyntheticRecord {
  const name = profileName(size, n);
  return {
    key: profileKey(name),
    value: ProfileRecord.encode({
      name,
      tags: [parseTagName(name), parseTagName(`tier-${n % 10}`)],
      inbound: ['allow tcp from tag tier-1 to ports 80,443', 'deny from 192.0.2.0/24', `allow from tag ${name}`].map(
        parseRule,
      ),
      outbound: [parseRule('allow')],
      mode: 'enforce',
    }),
  };
}

function* nodeRecords(size: ClusterSize, node: number): Generator<SyntheticRecord> {
  const name = nodeName(node);
  const ip = addressAt(parseCidr('172.16.0.0/12'), node + 1);
  yield {
    key: nodeKey(name),
    value: NodeRecord.encode({
      // Two that pass on the routes of all.
      ...(node < 2 && { routeReflectorClusterId: parseRouteReflectorClusterId('244.0.0.1') }),
      name,
      ip,
      asNumber: 64_512,
      labels: { rack: `r${node % 100}` },
      version: '1',
      startedAt: SINCE,
    }),
  };
  const endpoints = Array.from({ length: size.endpointsPerNode }, (_, place) => syntheticEndpoint(size, node, place));
  for (const [place, n] of networksOfNode(node).entries()) {
    yield {
      key: nodeNetworkKey(name, dockerNetworkId(node, n)),
      value: NodeNetworkRecord.encode({
        node: name,
        dockerNetworkId: dockerNetworkId(node, n),
        network: networkName(n),
        provisional: false,
        linkLocalGateway: parseIpAddress(`169.254.1.${place + 1}`),
      }),
    };
    const subnet = subnetOfNetwork(n);
    const reference = { id: parseReferenceId(idOf(`${name} ${n}`).slice(0, 12)), requestedAt: SINCE, reservations: [] };
    yield {
      key: subnetHoldKey(subnet, name),
      value: SubnetHoldRecord.encode({ subnet, node: name, references: [reference] }),
    };
    yield block(node, n, endpoints);
  }
  for (const endpoint of endpoints) {
    yield recordOfEndpoint(endpoint);
    const handle = parseHandleId(endpoint.id);
    yield {
      key: handleKey(handle),
      value: HandleRecord.encode({ id: handle, node: name, addresses: endpoint.addresses }),
    };
  }
}

function block(node: number, network: number, endpoints: readonly Endpoint[]): SyntheticRecord {
  const cidr = blockOf(node, network);
  const here = endpoints.filter(({ dockerNetworkId: id }) => id === dockerNetworkId(node, network));
  const allocations = here.flatMap((endpoint) =>
    endpoint.addresses.map((address): [number, Allocation] => [
      ordinalOf(cidr, address),
      { state: 'bound', node: endpoint.node, handle: parseHandleId(endpoint.id), since: SINCE, released: false },
    ]),
  );
  const subnet = subnetOfNetwork(network);
  return {
    key: blockKey(subnet, cidr),
    value: BlockRecord.encode({ cidr, subnet, node: nodeName(node), cooling: [], allocations: new Map(allocations) }),
  };
}
