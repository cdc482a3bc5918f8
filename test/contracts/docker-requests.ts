import { createHash } from 'node:crypto';
import { expect } from '@jest/globals';
import { type DockerNetworkId, type EndpointId, parseDockerNetworkId, parseEndpointId } from '../../src/model/ids.js';
import type { PluginReply, PluginUnderTest } from './plugin-under-test.js';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
/** An id that looks as Docker's do, the same for the same text. */
export const networkIdOf = (name: string): DockerNetworkId => parseDockerNetworkId(digest(`network ${name}`));
export const endpointIdOf = (name: string): EndpointId => parseEndpointId(digest(`endpoint ${name}`));

export interface MadeNetwork {
  readonly id: DockerNetworkId;
  readonly poolId: string;
  readonly subnet: string;
}

/** `docker network create` with our IPAM driver; Docker then knows the name. */
export async function createNetwork(
  plugin: PluginUnderTest,
  name: string,
  {
    subnet = '',
    options = {},
    internal,
  }: { readonly subnet?: string; readonly options?: object; readonly internal?: boolean } = {},
): Promise<MadeNetwork> {
  const pool = await plugin.call('IpamDriver.RequestPool', {
    AddressSpace: 'CorduroyLocal',
    Pool: subnet,
    SubPool: '',
    Options: {},
    V6: false,
  });
  expect(pool.error).toBeUndefined();
  const id = networkIdOf(name);
  const reply = await plugin.call('NetworkDriver.CreateNetwork', {
    NetworkID: id,
    Options: {
      'com.docker.network.enable_ipv6': false,
      'com.docker.network.generic': options,
      ...(internal === undefined ? {} : { 'com.docker.network.internal': internal }),
    },
    IPv4Data: [{ AddressSpace: 'CorduroyLocal', Pool: pool.body['Pool'] }],
    IPv6Data: [],
  });
  expect(reply.error).toBeUndefined();
  plugin.docker.addNetwork({ id, name });
  return { id, poolId: String(pool.body['PoolID']), subnet: String(pool.body['Pool']) };
}

/** The address that IPAM gives a container next, as Docker repeats it. */
export async function requestAddress(plugin: PluginUnderTest, { poolId }: MadeNetwork): Promise<string> {
  const reply = await plugin.call('IpamDriver.RequestAddress', { PoolID: poolId, Address: '', Options: null });
  expect(reply.error).toBeUndefined();
  return String(reply.body['Address']);
}

export const createEndpointBody = (network: MadeNetwork, name: string, address: string, options: object = {}) => ({
  NetworkID: network.id,
  EndpointID: endpointIdOf(name),
  Interface: { Address: address, AddressIPv6: '', MacAddress: '' },
  Options: {
    'com.docker.network.endpoint.exposedports': [],
    'com.docker.network.portmap': [],
    ...options,
  },
});

export const endpointBody = (network: MadeNetwork, name: string) => ({
  NetworkID: network.id,
  EndpointID: endpointIdOf(name),
});

export const joinBody = (network: MadeNetwork, name: string) => ({
  ...endpointBody(network, name),
  SandboxKey: '/var/run/docker/netns/0123456789ab',
  Options: {},
});

export const publishBody = (network: MadeNetwork, name: string, hostPort: number, containerPort = 80) => ({
  ...endpointBody(network, name),
  Options: {
    'com.docker.network.portmap': [
      { Proto: 6, IP: '', Port: containerPort, HostIP: '', HostPort: hostPort, HostPortEnd: hostPort },
    ],
  },
});

/** RequestAddress and CreateEndpoint, as `docker run` begins. */
export async function createEndpoint(
  plugin: PluginUnderTest,
  network: MadeNetwork,
  name: string,
  options: object = {},
): Promise<PluginReply & { readonly address: string }> {
  const address = await requestAddress(plugin, network);
  const reply = await plugin.call('NetworkDriver.CreateEndpoint', createEndpointBody(network, name, address, options));
  return { ...reply, address };
}
