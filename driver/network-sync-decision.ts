import type { DockerNetworkId, NetworkName } from '../src/model/ids.js';
import { type ConfigNetwork, configNetworkName, type Network, type NodeNetwork } from '../src/model/network.js';
import type { NetworkPlan } from '../src/model/network-plan.js';

/** One thing to have this node's Docker do. */
export type SyncStep =
  | { readonly kind: 'make'; readonly plan: NetworkPlan }
  | { readonly kind: 'remove'; readonly network: Network; readonly dockerNetworkId: DockerNetworkId }
  /** Have a config-only network, from which Swarm makes the network here when a task needs it. */
  | { readonly kind: 'prepare'; readonly plan: NetworkPlan; readonly configName: string }
  | { readonly kind: 'unprepare'; readonly network: Network; readonly dockerNetworkId: DockerNetworkId }
  /** No node has it any more: its records are what is left. */
  | { readonly kind: 'end'; readonly network: Network };

export interface SyncView {
  readonly networks: Iterable<Network>;
  /** This node's. */
  readonly local: Iterable<NodeNetwork>;
  readonly prepared: Iterable<ConfigNetwork>;
  /** Networks that some node has, or is prepared for. */
  readonly held: ReadonlySet<NetworkName>;
  /** Whether this node may have addresses of the network's pools. */
  readonly isForThisNode: (network: Network) => boolean;
}

/**
 * What this node's Docker lacks of the cluster's networks, and what it has of them that was removed; by name. Networks
 * without recipe are not the cluster's: they have no name yet, or are Swarm's.
 */
export function decideSync({ networks, local, prepared, held, isForThisNode }: SyncView): readonly SyncStep[] {
  const here = new Map([...local].filter(({ provisional }) => !provisional).map((one) => [one.network, one]));
  const configs = new Map([...prepared].map((one) => [one.network, one]));
  const stepFor = (network: Network): SyncStep | undefined => {
    const { name, internal, recipe, removal, ipam, swarm } = network;
    if (recipe === undefined || ipam !== 'corduroy') return undefined;
    if (removal !== undefined && !held.has(name)) return { kind: 'end', network };
    const own = swarm ? configs.get(name) : here.get(name);
    if (removal !== undefined) {
      return own && { kind: swarm ? 'unprepare' : 'remove', network, dockerNetworkId: own.dockerNetworkId };
    }
    if (own !== undefined || !isForThisNode(network)) return undefined;
    const plan = { ...recipe, name, internal };
    return swarm ? { kind: 'prepare', plan, configName: configNetworkName(network) } : { kind: 'make', plan };
  };
  return [...networks]
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap((network) => stepFor(network) ?? []);
}
