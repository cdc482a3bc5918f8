import { createHash } from 'node:crypto';
import { addressAt, type Cidr, networkOf, parseCidr } from '../../src/model/cidr.js';
import { parseDockerNetworkId, parseNetworkName, parseNodeName, parseProfileName } from '../../src/model/ids.js';
import type { IpAddress } from '../../src/model/ip-address.js';

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
export const OTHERS = parseCidr('10.192.0.0/10');
export const NETWORKS = 200;
const OTHER_COUNT = NETWORKS - 1;
export const BLOCK_LENGTH = 26;

export const idOf = (text: string): string => createHash('sha256').update(text).digest('hex');
export const nodeName = (node: number) => parseNodeName(`node-${String(node).padStart(5, '0')}`);
/** Network 0 is the shared one, whose subnet is a whole pool; the others have a /18 each. */
export const networkName = (network: number) => (network === 0 ? SHARED.name : parseNetworkName(`net-${network}`));
export const subnetOfNetwork = (network: number): Cidr =>
  network === 0 ? SHARED.subnet : networkOf(addressAt(OTHERS, network * 2 ** 14), 18);
export const dockerNetworkId = (node: number, network: number) =>
  parseDockerNetworkId(idOf(`network ${node} ${network}`));
export const networksOfNode = (node: number): readonly number[] => [
  0,
  ...[0, 1, 2].map((place) => otherNetwork(node * 3 + place)),
];
/** The networks besides the shared one come round in turn. */
const otherNetwork = (n: number): number => 1 + (n % OTHER_COUNT);
/** No two nodes have the same block of a network; the first block, with the gateway, is nobody's. */
export const blockOf = (node: number, network: number): Cidr => {
  const places = [0, 1, 2].map((place) => node * 3 + place);
  const place = network === 0 ? node : Math.floor((places.find((n) => otherNetwork(n) === network) ?? 0) / OTHER_COUNT);
  return networkOf(addressAt(subnetOfNetwork(network), (place + 1) * 64), BLOCK_LENGTH);
};
export const profileName = (size: ClusterSize, n: number) =>
  parseProfileName(`app-${n % Math.max(1, size.profiles - NETWORKS)}`);
/** The nodes' own addresses are in one network, and more than half of that is nobody's. */
export const HOSTS = parseCidr('172.16.0.0/12');
export const addressOfNode = (node: number): IpAddress => addressAt(HOSTS, node + 1);
