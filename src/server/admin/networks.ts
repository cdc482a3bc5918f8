import { z } from 'zod';
import type { ClusterView } from '../../effects/cluster-view.js';
import { parseCidr } from '../../model/cidr.js';
import { NotFoundError } from '../../model/errors.js';
import { type NetworkName, parseNetworkName } from '../../model/ids.js';
import { parseIpAddress } from '../../model/ip-address.js';
import type { Network } from '../../model/network.js';
import { parsed } from '../../model/record.js';
import type { AdminContext } from './admin-context.js';
import { inForce } from './change.js';
import { countEndpoints } from './endpoint-counts.js';
import { notFound } from './not-found.js';
import { planSubnets } from './plan-subnets.js';
import { type ChangeReply, changeReply, route } from './route.js';
import { until } from './until.js';

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

const countByNetwork = (view: ClusterView) =>
  countEndpoints<NetworkName>(view, (endpoint) => [view.networkOf(endpoint)?.name]);

function viewNetwork(view: ClusterView, network: Network, endpointsOf = countByNetwork(view)) {
  const local = [...view.localNetworks.values()].find(({ value }) => value.network === network.name);
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
    endpoints: endpointsOf(network.name),
  };
}

const texts = z.record(z.string().min(1), z.string()).optional();
const newNetwork = z.strictObject({
  name: parsed(parseNetworkName),
  subnets: z.array(parsed(parseCidr)).optional().describe('None: one is carved from a pool'),
  gateways: z.array(parsed(parseIpAddress)).optional().describe('Each in one of the subnets, as the ranges'),
  ranges: z.array(parsed(parseCidr)).optional().describe("Where containers' addresses are chosen"),
  auxiliary: z.record(z.string().min(1), parsed(parseIpAddress)).optional().describe('Reserved addresses, by name'),
  ipv6: z.boolean().optional(),
  internal: z.boolean().optional(),
  attachable: z.boolean().optional(),
  options: texts.describe('As docker network create -o: profiles, mtu, nat-outgoing, publish'),
  ipamOptions: texts.describe('As --ipam-opt: pool'),
  labels: texts,
});

/**
 * Docker makes the network, and calls us for it meanwhile; then it tells us the name, by which policy goes. So nothing
 * may be held here that those calls wait for.
 */
async function createNetwork(context: AdminContext, body: z.infer<typeof newNetwork>): Promise<ChangeReply> {
  const { store, dockerNetworks, settleMs } = context;
  const { name, subnets = [], gateways = [], ranges = [], auxiliary = {}, ...rest } = body;
  const id = await dockerNetworks.create({
    name,
    subnets: planSubnets({ subnets, gateways, ranges, auxiliary }),
    ipv6: rest.ipv6 ?? false,
    internal: rest.internal ?? false,
    attachable: rest.attachable ?? false,
    options: rest.options ?? {},
    ipamOptions: rest.ipamOptions ?? {},
    labels: rest.labels ?? {},
  });
  const isNamed = (): boolean => store.localNetworks.get(id)?.value.provisional === false;
  if (await until(store, isNamed, settleMs)) {
    const cidrs = store.networks.get(name)?.value.subnets.map(({ cidr }) => cidr) ?? [];
    return inForce(context, `created network ${name} (${cidrs.join(', ')})`);
  }
  const problem = `Docker has made it, but has not told its name, by which its policy goes; it is asked again by itself, see "corduroy status"`;
  return { message: `created network ${name}`, inForce: false, problem };
}

async function removeNetwork(context: AdminContext, name: NetworkName): Promise<ChangeReply> {
  const { store, dockerNetworks, settleMs } = context;
  const local = [...store.localNetworks.values()].find(({ value }) => value.network === name)?.value;
  if (local === undefined) {
    const elsewhere = [...store.nodeNetworks.values()].filter(({ value }) => value.network === name);
    if (elsewhere.length === 0) throw notFound('network', name, [...store.networks.keys()]);
    const nodes = elsewhere.map(({ value }) => value.node).join(', ');
    throw new NotFoundError(`network ${name} is not on this host, but on ${nodes}; remove it there`);
  }
  await dockerNetworks.remove(local.dockerNetworkId);
  await until(store, () => !store.localNetworks.has(local.dockerNetworkId), settleMs);
  return inForce(context, `removed network ${name}`);
}

const byName = (one: { name: string }, other: { name: string }): number => (one.name < other.name ? -1 : 1);

export const networkRoutes = [
  route({
    method: 'get',
    path: '/networks',
    tag: 'networks',
    summary: 'Every network, by name',
    response: z.array(networkView),
    handle: ({ store }) => {
      const endpointsOf = countByNetwork(store);
      return [...store.networks.values()].map(({ value }) => viewNetwork(store, value, endpointsOf)).sort(byName);
    },
  }),
  route({
    method: 'post',
    path: '/networks',
    tag: 'networks',
    summary: "Create a network on this host's Docker, with our driver and our address management",
    body: newNetwork,
    response: changeReply,
    handle: (context, { body }) => createNetwork(context, body),
  }),
  route({
    method: 'delete',
    path: '/networks/:network',
    tag: 'networks',
    summary: "Remove a network from this host's Docker",
    params: z.object({ network: parsed(parseNetworkName) }),
    response: changeReply,
    handle: (context, { params }) => removeNetwork(context, params.network),
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
