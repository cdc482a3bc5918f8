import type { DockerContainer, DockerNetwork } from '../../src/effects/docker.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import {
  type DockerNetworkId,
  type EndpointId,
  parseDockerNetworkId,
  parseEndpointId,
  parseNetworkName,
} from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { macOfEndpoint } from '../../src/model/mac-address.js';
import type { NodeNetwork } from '../../src/model/network.js';
import { provisionalNetworkName } from '../../src/model/network.js';
import type { NetworkPlan } from '../../src/model/network-plan.js';
import { THIS_NODE } from './clusters.js';

export const endpointId = (digit: string): EndpointId => parseEndpointId(digit.repeat(64));
export const networkId = (digit: string): DockerNetworkId => parseDockerNetworkId(digit.repeat(64));

/** An endpoint of this node on network `a`, made at the start of 2026, that Docker has told nothing about. */
export function anEndpoint(what: Partial<Endpoint> = {}): Endpoint {
  const id = what.id ?? endpointId('1');
  return {
    id,
    node: THIS_NODE,
    dockerNetworkId: networkId('a'),
    mac: macOfEndpoint(id),
    addresses: [parseIpAddress('10.64.0.2')],
    tags: [],
    labels: {},
    published: [],
    createdAt: '2026-01-01T00:00:00.000Z',
    ...what,
  };
}

export function aNodeNetwork(id: DockerNetworkId, what: Partial<NodeNetwork> = {}): NodeNetwork {
  return {
    node: THIS_NODE,
    dockerNetworkId: id,
    network: provisionalNetworkName(id, THIS_NODE),
    provisional: false,
    linkLocalGateway: parseIpAddress('169.254.1.1'),
    ...what,
  };
}

/** What `docker network create` is told, when it is told nothing but the name. */
export const aNetworkPlan = (name: string, what: Partial<NetworkPlan> = {}): NetworkPlan => ({
  name: parseNetworkName(name),
  subnets: [],
  ipv4: true,
  ipv6: false,
  internal: false,
  attachable: false,
  options: {},
  ipamOptions: {},
  labels: {},
  ...what,
});

/** A network of ours in Docker, without subnets and endpoints. */
export function aDockerNetwork(what: Partial<DockerNetwork> = {}): DockerNetwork {
  return {
    id: networkId('a'),
    name: 'web',
    driver: 'corduroy',
    ipamDriver: 'corduroy',
    internal: false,
    scope: 'local',
    attachable: false,
    ipv4: true,
    ipv6: false,
    ipamOptions: {},
    subnets: [],
    options: {},
    labels: {},
    endpoints: new Map(),
    ...what,
  };
}

export const aContainer = (what: Partial<DockerContainer> = {}): DockerContainer => ({
  id: 'c'.repeat(64),
  name: 'web-1',
  state: 'running',
  image: 'nginx:1',
  labels: {},
  networks: [],
  ...what,
});
