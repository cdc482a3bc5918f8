import type { DockerNetworkId, NetworkName } from '../src/model/ids.js';
import type { Network, NodeNetwork } from '../src/model/network.js';
import type { NetworkPlan } from '../src/model/network-plan.js';

/** One thing to have this node's Docker do. */
export type SyncStep =
  | { readonly kind: 'make'; readonly plan: NetworkPlan }
  | { readonly kind: 'remove'; readonly network: Network; readonly dockerNetworkId: DockerNetworkId }
  /** No node has it any more: its records are what is left. */
  | { readonly kind: 'end'; readonly network: Network };

export interface SyncView {
  readonly networks: Iterable<Network>;
  /** This node's. */
  readonly local: Iterable<NodeNetwork>;
  /** Networks that some node has. */
  readonly held: ReadonlySet<NetworkName>;
  /** Whether this node may have addresses of the network's pools. */
  readonly isForThisNode: (network: Network) => boolean;
}

/**
 * What this node's Docker lacks of the cluster's networks, and what it has of them that was removed; by name. Networks
 * without recipe are not the cluster's: they have no name yet, or are Swarm's.
 */
export function decideSync({ networks, local, held, isForThisNode }: SyncView): readonly SyncStep[] {
  const here = new Map([...local].filter(({ provisional }) => !provisional).map((one) => [one.network, one]));
  const steps = [...networks].flatMap((network): readonly (SyncStep & { readonly name: string })[] => {
    const { name, internal, recipe, removal, ipam } = network;
    const nodeNetwork = here.get(name);
    if (recipe === undefined || ipam !== 'corduroy') return [];
    if (removal !== undefined) {
      if (!held.has(name)) return [{ kind: 'end', name, network }];
      return nodeNetwork === undefined
        ? []
        : [{ kind: 'remove', name, network, dockerNetworkId: nodeNetwork.dockerNetworkId }];
    }
    if (nodeNetwork !== undefined || !isForThisNode(network)) return [];
    return [{ kind: 'make', name, plan: { ...recipe, name, internal } }];
  });
  return steps.sort((one, other) => (one.name < other.name ? -1 : 1));
}
