import { z } from 'zod';
import {
  type DockerNetworkId,
  type EndpointId,
  type NodeName,
  type ProfileName,
  parseDockerNetworkId,
  parseEndpointId,
  parseNodeName,
  parseProfileName,
  parseTagName,
  type TagName,
} from './ids.js';
import { type IpAddress, parseIpAddress } from './ip-address.js';
import { type MacAddress, parseMacAddress } from './mac-address.js';
import type { Network } from './network.js';
import { defineRecord, parsed } from './record.js';
import { usualEndpoint } from './usual-endpoint.js';

export type PortProtocol = 'tcp' | 'udp' | 'sctp';

/** `-p HOSTIP:HOSTPORT:PORT/PROTOCOL`, with the host port that was chosen if the user named none. */
export interface PublishedPort {
  readonly protocol: PortProtocol;
  readonly containerPort: number;
  /** Absent: every address of the host; `0.0.0.0` or `::`: every one of that family. */
  readonly hostIp?: IpAddress | undefined;
  readonly hostPort: number;
}

/** One container's attachment to one network. Written at CreateEndpoint, in one transaction with its addresses. */
export interface Endpoint {
  readonly id: EndpointId;
  readonly node: NodeName;
  readonly dockerNetworkId: DockerNetworkId;
  readonly mac: MacAddress;
  /** Unique; at most one of each family, IPv4 first. */
  readonly addresses: readonly IpAddress[];
  /** In order, as chosen for this endpoint with `driver-opt` or by command; absent: its container's, or its network's. */
  readonly profiles?: readonly ProfileName[] | undefined;
  /** Those of the container's label `corduroy.profiles`; absent: it has none, or Docker has not told. */
  readonly containerProfiles?: readonly ProfileName[] | undefined;
  /** Besides those of its profiles. */
  readonly tags: readonly TagName[];
  readonly labels: Readonly<Record<string, string>>;
  /** Absent until Docker has told. */
  readonly container?: { readonly id: string; readonly name: string } | undefined;
  readonly published: readonly PublishedPort[];
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}

const port = z.int().min(1).max(65_535);

export const endpointSchema: z.ZodType<Endpoint> = z.object({
  id: parsed(parseEndpointId),
  node: parsed(parseNodeName),
  dockerNetworkId: parsed(parseDockerNetworkId),
  mac: parsed(parseMacAddress),
  addresses: z.array(parsed(parseIpAddress)),
  profiles: z.array(parsed(parseProfileName)).optional(),
  containerProfiles: z.array(parsed(parseProfileName)).optional(),
  tags: z.array(parsed(parseTagName)),
  labels: z.record(z.string(), z.string()),
  container: z.object({ id: z.string(), name: z.string() }).optional(),
  published: z.array(
    z.object({
      protocol: z.enum(['tcp', 'udp', 'sctp']),
      containerPort: port,
      hostIp: parsed(parseIpAddress).optional(),
      hostPort: port,
    }),
  ),
  createdAt: z.string(),
});

export const EndpointRecord = defineRecord('Endpoint', endpointSchema, { usual: usualEndpoint });
export const endpointKey = (node: NodeName, id: EndpointId): string => EndpointRecord.key(node, id);

/** The ids of a node's endpoints among these keys: what a record that cannot be read still tells. */
export function endpointsOfKeys(node: NodeName, keys: readonly string[]): readonly EndpointId[] {
  const prefix = EndpointRecord.key(node, '');
  const ids = keys.filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
  return ids.filter((id): id is EndpointId => /^[0-9a-f]{64}$/.test(id));
}

/**
 * The profiles that decide about an endpoint's traffic, in order: its own, or its container's, or its network's, or the
 * network's namesake. Empty: nothing is allowed.
 */
export function profilesOf(endpoint: Endpoint, network: Network): readonly ProfileName[] {
  return endpoint.profiles ?? endpoint.containerProfiles ?? profilesOfNetwork(network);
}

/** Of endpoints that have none of their own. */
export const profilesOfNetwork = ({ options, name }: Network): readonly ProfileName[] =>
  options.profiles.length > 0 ? options.profiles : [parseProfileName(name)];
