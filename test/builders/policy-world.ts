import { PolicyEngine } from '../../policy/engine.js';
import { DEFAULT_POLICY_SETTINGS, type PolicySettings } from '../../policy/settings.js';
import type { ClusterChange } from '../../src/effects/cluster-view.js';
import { parseCidr } from '../../src/model/cidr.js';
import { type Endpoint, endpointKey } from '../../src/model/endpoint.js';
import {
  parseDockerNetworkId,
  parseEndpointId,
  parseNetworkName,
  parseNodeName,
  parseProfileName,
  parseTagName,
} from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { macOfEndpoint } from '../../src/model/mac-address.js';
import { type Network, type NodeNetwork, networkKey, nodeNetworkKey } from '../../src/model/network.js';
import { type Pool, poolKey } from '../../src/model/pool.js';
import { type Profile, profileKey } from '../../src/model/profile.js';
import { parseRule } from '../../src/model/rule-grammar.js';
import { THIS_NODE } from './clusters.js';

const DOCKER_NETWORKS = ['web', 'db'];
const dockerNetworkId = (network: string) =>
  parseDockerNetworkId(String(DOCKER_NETWORKS.indexOf(network) + 1).repeat(64));

export function aPool(cidr: string, fields: Partial<Pool> = {}): Pool {
  return {
    cidr: parseCidr(cidr),
    name: cidr,
    blockSize: cidr.includes(':') ? 122 : 26,
    networkPrefix: cidr.includes(':') ? 64 : 24,
    encapsulation: { kind: 'none' },
    natOutgoing: true,
    disabled: false,
    ...fields,
  };
}

/** @param name 'web' or 'db' */
export function aNetwork(name: string, subnets: readonly string[], fields: Partial<Network> = {}): Network {
  return {
    name: parseNetworkName(name),
    subnets: subnets.map((cidr) => ({ cidr: parseCidr(cidr) })),
    ipam: 'corduroy',
    internal: false,
    options: { profiles: [], publish: 'allow' },
    ...fields,
  };
}

export function aProfile(
  name: string,
  rules: {
    inbound?: readonly string[];
    outbound?: readonly string[];
    tags?: readonly string[];
    mode?: Profile['mode'];
  },
): Profile {
  return {
    name: parseProfileName(name),
    tags: (rules.tags ?? [name]).map(parseTagName),
    inbound: (rules.inbound ?? []).map(parseRule),
    outbound: (rules.outbound ?? ['allow']).map(parseRule),
    mode: rules.mode ?? 'enforce',
  };
}

/** Endpoint number `n` of this node on the network `web`: 10.64.0.n and fd80::n. */
export function anEndpoint(n: number, fields: Partial<Endpoint> & { network?: string } = {}): Endpoint {
  const { network = 'web', ...rest } = fields;
  const id = parseEndpointId(n.toString(16).padStart(4, '0').padEnd(64, 'e'));
  return {
    id,
    node: THIS_NODE,
    dockerNetworkId: dockerNetworkId(network),
    mac: macOfEndpoint(id),
    addresses: [parseIpAddress(`10.64.0.${n}`), parseIpAddress(`fd80::${n.toString(16)}`)],
    tags: [],
    labels: {},
    published: [],
    createdAt: '2026-01-01T00:00:00Z',
    ...rest,
  };
}

export interface World {
  readonly pools?: readonly Pool[];
  readonly networks?: readonly Network[];
  readonly profiles?: readonly Profile[];
  readonly endpoints?: readonly Endpoint[];
  readonly settings?: Partial<PolicySettings>;
}

/** The engine of this node, which has been told all records of the world. */
export function engineOf({ settings, ...world }: World): PolicyEngine {
  const engine = new PolicyEngine({ node: THIS_NODE, settings: { ...DEFAULT_POLICY_SETTINGS, ...settings } });
  for (const change of changesOf(world)) engine.apply(change);
  return engine;
}

export function changesOf({
  pools = [],
  networks = [],
  profiles = [],
  endpoints = [],
}: World): readonly ClusterChange[] {
  const nodeNetworks = networks.flatMap(({ name }) =>
    [THIS_NODE, parseNodeName('there')].map(
      (node): NodeNetwork => ({
        node,
        dockerNetworkId: dockerNetworkId(name),
        network: name,
        provisional: false,
        linkLocalGateway: parseIpAddress('169.254.1.1'),
      }),
    ),
  );
  const before = undefined;
  return [
    {
      kind: 'node',
      key: '/corduroy/v1/node/here',
      before,
      after: { name: THIS_NODE, ip: parseIpAddress('192.0.2.1'), labels: {}, version: '1', startedAt: '' },
    },
    ...pools.map((after) => ({ kind: 'pool' as const, key: poolKey(after.cidr), before, after })),
    ...networks.map((after) => ({ kind: 'network' as const, key: networkKey(after.name), before, after })),
    ...nodeNetworks.map((after) => ({
      kind: 'nodeNetwork' as const,
      key: nodeNetworkKey(after.node, after.dockerNetworkId),
      before,
      after,
    })),
    ...profiles.map((after) => ({ kind: 'profile' as const, key: profileKey(after.name), before, after })),
    ...endpoints.map((after) => ({ kind: 'endpoint' as const, key: endpointKey(after.node, after.id), before, after })),
  ];
}
