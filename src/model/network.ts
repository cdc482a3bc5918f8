import { z } from 'zod';
import { type Cidr, parseCidr } from './cidr.js';
import {
  type DockerNetworkId,
  type NetworkName,
  type NodeName,
  type ProfileName,
  parseDockerNetworkId,
  parseNetworkName,
  parseNodeName,
  parseProfileName,
  shortHash,
} from './ids.js';
import { type IpAddress, parseIpAddress } from './ip-address.js';
import { type NetworkRecipe, networkRecipe } from './network-plan.js';
import { defineRecord, parsed } from './record.js';

/** One subnet of a network; families may mix. */
export interface NetworkSubnet {
  readonly cidr: Cidr;
  /** The address that Docker keeps as the network's gateway; the data plane needs none. */
  readonly gateway?: IpAddress | undefined;
}

/** What the user chose with `-o` at `docker network create`. */
export interface NetworkOptions {
  /** Profiles of its endpoints, in order. Empty: the one that bears the network's name. */
  readonly profiles: readonly ProfileName[];
  /** Bytes; absent: the daemon's setting. */
  readonly mtu?: number | undefined;
  /** Absent: as its pool says. */
  readonly natOutgoing?: boolean | undefined;
  /** `allow`: a published port is open unless a rule denied it. `policy`: only rules open it. */
  readonly publish: 'allow' | 'policy';
}

/** A network of the whole cluster, known by name: each node's Docker has one of that name with an id of its own. */
export interface Network {
  readonly name: NetworkName;
  readonly subnets: readonly NetworkSubnet[];
  /** Who assigns addresses: we, or Docker's own IPAM driver (one host only). */
  readonly ipam: 'corduroy' | 'docker';
  /** No default route, no NAT, nothing from or to outside its subnets. */
  readonly internal: boolean;
  readonly options: NetworkOptions;
  /** For the other hosts, which have to tell their Docker the same. Absent: it is no network that every host gets. */
  readonly recipe?: NetworkRecipe | undefined;
  /** Somebody has removed it on one node: it goes from each other one as soon as no container is on it there. */
  readonly removal?: NetworkRemoval | undefined;
  /** Swarm hands it out to the nodes on which its tasks run; each node is prepared with a config-only network. */
  readonly swarm?: true | undefined;
  /** That one's name in Docker, on every node. */
  readonly configName?: string | undefined;
}

export interface NetworkRemoval {
  readonly node: NodeName;
  /** ISO 8601, UTC. */
  readonly requestedAt: string;
}

/** One node's Docker network and the cluster's network that it stands for. */
export interface NodeNetwork {
  readonly node: NodeName;
  readonly dockerNetworkId: DockerNetworkId;
  readonly network: NetworkName;
  /** Docker has not told the name yet: `network` is made from the id, and will be replaced. */
  readonly provisional: boolean;
  /** 169.254.x.y, what its containers use as gateway: unlike that of every other network of the node. */
  readonly linkLocalGateway: IpAddress;
}

const options: z.ZodType<NetworkOptions> = z.object({
  profiles: z.array(parsed(parseProfileName)),
  mtu: z.int().min(68).max(65_535).optional(),
  natOutgoing: z.boolean().optional(),
  publish: z.enum(['allow', 'policy']),
});

const networkSchema: z.ZodType<Network> = z.object({
  name: parsed(parseNetworkName),
  subnets: z.array(z.object({ cidr: parsed(parseCidr), gateway: parsed(parseIpAddress).optional() })),
  ipam: z.enum(['corduroy', 'docker']),
  internal: z.boolean(),
  options,
  recipe: networkRecipe.optional(),
  removal: z.object({ node: parsed(parseNodeName), requestedAt: z.string() }).optional(),
  swarm: z.literal(true).optional(),
  configName: z.string().optional(),
});

const nodeNetworkSchema: z.ZodType<NodeNetwork> = z.object({
  node: parsed(parseNodeName),
  dockerNetworkId: parsed(parseDockerNetworkId),
  network: parsed(parseNetworkName),
  provisional: z.boolean(),
  linkLocalGateway: parsed(parseIpAddress),
});

export const NetworkRecord = defineRecord('Network', networkSchema);
export const networkKey = (name: NetworkName): string => NetworkRecord.key(name);

export const NodeNetworkRecord = defineRecord('NodeNetwork', nodeNetworkSchema);
export const nodeNetworkKey = (node: NodeName, id: DockerNetworkId): string => NodeNetworkRecord.key(node, id);

/** One node's Docker has the config-only network that a network of Swarm's is made from there. */
export interface ConfigNetwork {
  readonly node: NodeName;
  readonly network: NetworkName;
  readonly dockerNetworkId: DockerNetworkId;
}

export const ConfigNetworkRecord = defineRecord<ConfigNetwork>(
  'ConfigNetwork',
  z.object({
    node: parsed(parseNodeName),
    network: parsed(parseNetworkName),
    dockerNetworkId: parsed(parseDockerNetworkId),
  }),
);
export const configNetworkKey = (node: NodeName, network: NetworkName): string =>
  ConfigNetworkRecord.key(node, network);
/**
 * Its name in Docker, the same on every node, and another one each time that a network of this name is made: an engine
 * may still have an earlier one, with other subnets, that it cannot remove.
 */
export const newConfigNetworkName = (network: NetworkName, madeAt: Date): string =>
  `${network}-config-${shortHash(madeAt.toISOString(), 6)}`;
/** Of a network that was made before they differed. */
export const configNetworkName = ({ name, configName }: Pick<Network, 'name' | 'configName'>): string =>
  configName ?? `${name}-config`;

/** The name of a node's network until Docker tells the real one. One of Swarm's has the same id on every node. */
export const provisionalNetworkName = (id: DockerNetworkId, node: NodeName): NetworkName =>
  parseNetworkName(`docker-${id.slice(0, 12)}${id.length === 64 ? '' : `-${shortHash(node, 8)}`}`);
