import { z } from 'zod';
import { parseCidr } from '../../model/cidr.js';
import { type NetworkName, type NodeName, parseNetworkName } from '../../model/ids.js';
import { parseIpAddress } from '../../model/ip-address.js';
import type { NetworkPlan } from '../../model/network-plan.js';
import { parsed } from '../../model/record.js';
import type { AdminContext } from './admin-context.js';
import { inForce } from './change.js';
import { removeNetwork } from './network-removal.js';
import { networkView, nodesWith, someOf, viewNetworks } from './network-view.js';
import { notFound } from './not-found.js';
import { planSubnets } from './plan-subnets.js';
import { type ChangeReply, changeReply, route } from './route.js';
import { createSwarmNetwork, removeSwarmNetwork } from './swarm-networks.js';
import { until } from './until.js';

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
  swarm: z.boolean().optional().describe('In the swarm that this host manages, for services'),
});

/**
 * Docker makes the network, and calls us for it meanwhile; then it tells us the name, by which policy goes. So nothing
 * may be held here that those calls wait for.
 */
async function createNetwork(context: AdminContext, body: z.infer<typeof newNetwork>): Promise<ChangeReply> {
  const { store, dockerNetworks, settleMs } = context;
  const { name, subnets = [], gateways = [], ranges = [], auxiliary = {}, ...rest } = body;
  const plan: NetworkPlan = {
    name,
    subnets: planSubnets({ subnets, gateways, ranges, auxiliary }),
    ipv4: true,
    ipv6: rest.ipv6 ?? false,
    internal: rest.internal ?? false,
    attachable: rest.attachable ?? false,
    options: rest.options ?? {},
    ipamOptions: rest.ipamOptions ?? {},
    labels: rest.labels ?? {},
  };
  if (rest.swarm) return createSwarmNetwork(context, plan);
  const id = await dockerNetworks.create(plan);
  const isNamed = (): boolean => store.localNetworks.get(id)?.value.provisional === false;
  if (await until(store, isNamed, settleMs)) {
    const cidrs = store.networks.get(name)?.value.subnets.map(({ cidr }) => cidr) ?? [];
    const where = await onEveryHost(context, name);
    return inForce(context, `created network ${name} (${cidrs.join(', ')})${where}`);
  }
  const problem = `Docker has made it, but has not told its name, by which its policy goes; it is asked again by itself, see "corduroy status"`;
  return { message: `created network ${name}`, inForce: false, problem };
}

/** Every node that is known, if hosts follow each other: one that is off follows when it is back. */
async function onEveryHost({ store, networkSync, settleMs }: AdminContext, name: NetworkName): Promise<string> {
  if (!networkSync || store.nodes.size < 2) return '';
  const missing = (): readonly NodeName[] => {
    const there = new Set(nodesWith(store, name));
    return [...store.nodes.keys()].filter((node) => !there.has(node));
  };
  if (await until(store, () => missing().length === 0, settleMs)) return ` on ${store.nodes.size} hosts`;
  const left = missing();
  return ` on ${store.nodes.size - left.length} of ${store.nodes.size} hosts; not yet on ${someOf(left)}, see "corduroy status" there`;
}

const byName = (one: { name: string }, other: { name: string }): number => (one.name < other.name ? -1 : 1);

export const networkRoutes = [
  route({
    method: 'get',
    path: '/networks',
    tag: 'networks',
    summary: 'Every network, by name',
    response: z.array(networkView),
    handle: ({ store }) =>
      [
        ...viewNetworks(
          store,
          [...store.networks.values()].map(({ value }) => value),
        ),
      ].sort(byName),
  }),
  route({
    method: 'post',
    path: '/networks',
    tag: 'networks',
    summary: "Create a network on this host's Docker, with our driver and our address management; other hosts follow",
    body: newNetwork,
    response: changeReply,
    handle: (context, { body }) => createNetwork(context, body),
  }),
  route({
    method: 'delete',
    path: '/networks/:network',
    tag: 'networks',
    summary: "Remove a network from this host's Docker; other hosts follow",
    params: z.object({ network: parsed(parseNetworkName) }),
    response: changeReply,
    handle: (context, { params: { network } }) =>
      context.store.networks.get(network)?.value.swarm
        ? removeSwarmNetwork(context, network)
        : removeNetwork(context, network),
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
      return viewNetworks(store, [found.value])[0];
    },
  }),
];
