import type { StoredValue } from '../../src/effects/datastore.js';
import { BGP_SETTINGS_KEY, BgpSettingsRecord, DEFAULT_BGP_SETTINGS } from '../../src/model/bgp-settings.js';
import { type Allocation, BlockRecord, blockKey } from '../../src/model/block.js';
import { addressAt, type Cidr, networkOf, ordinalOf } from '../../src/model/cidr.js';
import { type Endpoint, EndpointRecord, endpointKey } from '../../src/model/endpoint.js';
import { HandleRecord, handleKey } from '../../src/model/handle.js';
import { parseEndpointId, parseHandleId, parseProfileName, parseTagName } from '../../src/model/ids.js';
import { type IpAddress, parseIpAddress } from '../../src/model/ip-address.js';
import { macOfEndpoint } from '../../src/model/mac-address.js';
import { NetworkRecord, NodeNetworkRecord, networkKey, nodeNetworkKey } from '../../src/model/network.js';
import { NodeRecord, nodeKey, parseRouteReflectorClusterId } from '../../src/model/node.js';
import { PoolRecord, poolKey } from '../../src/model/pool.js';
import { defaultProfile, ProfileRecord, profileKey } from '../../src/model/profile.js';
import { parseRule } from '../../src/model/rule-grammar.js';
import { parseReferenceId, SubnetHoldRecord, SubnetRecord, subnetHoldKey, subnetKey } from '../../src/model/subnet.js';
import {
  addressOfNode,
  BLOCK_LENGTH,
  blockOf,
  type ClusterSize,
  dockerNetworkId,
  idOf,
  NETWORKS,
  networkName,
  networksOfNode,
  nodeName,
  OTHERS,
  profileName,
  SHARED,
  subnetOfNetwork,
} from './cluster-layout.js';

/** One text under one key, as a real cluster would have written it. */
export type SyntheticRecord = Pick<StoredValue, 'key' | 'value'>;

const SINCE = '2026-01-01T00:00:00.000Z';

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
export const spareBlock = (place: number): Cidr =>
  networkOf(addressAt(SHARED.subnet, 2 ** 21 + place * 64), BLOCK_LENGTH);

/** An empty block of the shared network, claimed by a node. */
export const claimedBlock = (cidr: Cidr, node: number): SyntheticRecord => ({
  key: blockKey(SHARED.subnet, cidr),
  value: BlockRecord.encode({
    ...{ cidr, subnet: SHARED.subnet, node: nodeName(node) },
    ...{ cooling: [], allocations: new Map() },
  }),
});

export const nodeRecord = (node: number, ip: IpAddress = addressOfNode(node)): SyntheticRecord => ({
  key: nodeKey(nodeName(node)),
  value: NodeRecord.encode({
    // Two that pass on the routes of all.
    ...(node < 2 && { routeReflectorClusterId: parseRouteReflectorClusterId('244.0.0.1') }),
    name: nodeName(node),
    ip,
    asNumber: 64_512,
    labels: { rack: `r${node % 100}` },
    version: '1',
    startedAt: SINCE,
  }),
});

export const recordOfEndpoint = (endpoint: Endpoint): SyntheticRecord => ({
  key: endpointKey(endpoint.node, endpoint.id),
  value: EndpointRecord.encode(endpoint),
});

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
  yield nodeRecord(node);
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
