import { z } from 'zod';
import type { ClusterView } from '../../effects/cluster-view.js';
import type { NetworkName } from '../../model/ids.js';
import type { Network } from '../../model/network.js';
import { notFound } from './not-found.js';
import { route } from './route.js';

const networkView = z
  .strictObject({
    name: z.string(),
    subnets: z.array(z.strictObject({ cidr: z.string(), gateway: z.string().nullable() })),
    ipam: z.enum(['corduroy', 'docker']),
    internal: z.boolean(),
    profiles: z.array(z.string()).describe('Of its endpoints, in order'),
    mtu: z.int().nullable(),
    natOutgoing: z.boolean().nullable().describe('Null: as its pool says'),
    publish: z.enum(['allow', 'policy']),
    dockerNetworkId: z.string().nullable().describe("This host's Docker id of it; null: not on this host"),
    endpoints: z.int(),
  })
  .meta({ id: 'Network' });

function viewNetwork(view: ClusterView, network: Network) {
  const local = [...view.localNetworks.values()].find(({ value }) => value.network === network.name);
  const endpoints = [...view.endpoints.values()].filter(({ value }) => view.networkOf(value)?.name === network.name);
  const { profiles, mtu, natOutgoing, publish } = network.options;
  return {
    name: network.name,
    subnets: network.subnets.map(({ cidr, gateway }) => ({ cidr, gateway: gateway ?? null })),
    ipam: network.ipam,
    internal: network.internal,
    profiles: profiles.length > 0 ? [...profiles] : [network.name],
    mtu: mtu ?? null,
    natOutgoing: natOutgoing ?? null,
    publish,
    dockerNetworkId: local?.value.dockerNetworkId ?? null,
    endpoints: endpoints.length,
  };
}

const byName = (one: { name: string }, other: { name: string }): number => (one.name < other.name ? -1 : 1);

export const networkRoutes = [
  route({
    method: 'get',
    path: '/networks',
    tag: 'networks',
    summary: 'Every network, by name',
    response: z.array(networkView),
    handle: ({ store }) => [...store.networks.values()].map(({ value }) => viewNetwork(store, value)).sort(byName),
  }),
  route({
    method: 'get',
    path: '/networks/:network',
    tag: 'networks',
    summary: 'One network, by name',
    params: z.object({ network: z.string() }),
    response: networkView,
    handle: ({ store }, { params }) => {
      const found = store.networks.get(params.network as NetworkName);
      if (found === undefined) throw notFound('network', params.network, [...store.networks.keys()]);
      return viewNetwork(store, found.value);
    },
  }),
];
