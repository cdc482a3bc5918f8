import { z } from 'zod';
import type { ClusterView } from '../../effects/cluster-view.js';
import type { NetworkName, NodeName } from '../../model/ids.js';
import type { Network } from '../../model/network.js';
import { countEndpoints } from './endpoint-counts.js';

export const networkView = z
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
    nodes: z.array(z.string()).describe('Where Docker has it'),
    swarm: z.boolean().describe("Swarm's: Docker has it where tasks are"),
    preparedNodes: z.array(z.string()).describe("Of a network of Swarm's: where tasks can be"),
    removedOn: z.string().nullable().describe('The node where it was removed, while it is still on others'),
    endpoints: z.int(),
  })
  .meta({ id: 'Network' });

/** One look at all endpoints and nodes serves them all. */
export function viewNetworks(view: ClusterView, networks: readonly Network[]): readonly z.infer<typeof networkView>[] {
  const endpointsOf = countEndpoints<NetworkName>(view, (endpoint) => [view.networkOf(endpoint)?.name]);
  const nodesOf = new Map<NetworkName, NodeName[]>();
  for (const { value } of view.nodeNetworks.values()) {
    const nodes = nodesOf.get(value.network) ?? [];
    nodes.push(value.node);
    nodesOf.set(value.network, nodes);
  }
  const local = new Map([...view.localNetworks.values()].map(({ value }) => [value.network, value]));
  return networks.map(({ name, options, ...network }) => ({
    name,
    subnets: network.subnets.map(({ cidr, gateway }) => ({ cidr, gateway: gateway ?? null })),
    ipam: network.ipam,
    internal: network.internal,
    profiles: options.profiles.length > 0 ? [...options.profiles] : [name],
    mtu: options.mtu ?? null,
    natOutgoing: options.natOutgoing ?? null,
    publish: options.publish,
    dockerNetworkId: local.get(name)?.dockerNetworkId ?? null,
    nodes: (nodesOf.get(name) ?? []).toSorted(byText),
    swarm: network.swarm === true,
    preparedNodes: network.swarm ? [...preparedFor(view, name)] : [],
    removedOn: network.removal?.node ?? null,
    endpoints: endpointsOf(name),
  }));
}

/** Nodes whose Docker has the network under its name, sorted. */
export const nodesWith = (view: Pick<ClusterView, 'nodeNetworks'>, name: NetworkName): readonly NodeName[] =>
  [...view.nodeNetworks.values()]
    .filter(({ value }) => value.network === name)
    .map(({ value }) => value.node)
    .sort(byText);

/** Nodes that are prepared for a network of Swarm's, sorted. */
export const preparedFor = (view: Pick<ClusterView, 'configNetworks'>, name: NetworkName): readonly NodeName[] =>
  [...view.configNetworks.values()]
    .filter(({ value }) => value.network === name)
    .map(({ value }) => value.node)
    .sort(byText);

const byText = (one: string, other: string): number => (one < other ? -1 : 1);

/** Longest list within a sentence. */
const MAX_NAMED = 5;

/** `h1, h2`, or `h1, h2, h3, h4, h5 and 12 more`. */
export function someOf(names: readonly string[]): string {
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
  return `${names.slice(0, MAX_NAMED).join(', ')}${more}`;
}
