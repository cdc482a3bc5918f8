import type { DockerNetworkId, NetworkName } from '../model/ids.js';
import type { Network } from '../model/network.js';
import type { NetworkPlan } from '../model/network-plan.js';

/** What this host's engine is in a swarm. */
export type SwarmRole = 'manager' | 'worker' | 'none';

/** A network that Swarm hands out to the nodes on which its tasks run. */
export interface SwarmNetworkPlan {
  readonly name: NetworkName;
  /** The config-only network that every node has: its subnets, options and labels are the network's. */
  readonly configFrom: string;
  readonly internal: boolean;
  readonly attachable: boolean;
}

/** The swarm that this host's engine belongs to. Throws as `DockerNetworks` does. */
export interface Swarm {
  role(): Promise<SwarmRole>;
  /** Our driver's name in this engine. Swarm takes managed plugins alone, and their names bear a tag. */
  driver(): Promise<string>;
  create(network: SwarmNetworkPlan): Promise<DockerNetworkId>;
}

/** The cluster's records of a network that is made in Swarm, which outlive its instances on the nodes. */
export interface SwarmNetworkRecords {
  /**
   * Chooses subnets where the plan has none, and lays the records down: then every node prepares itself.
   *
   * @throws ConflictError, InvalidRequestError
   */
  add(plan: NetworkPlan): Promise<Network>;
}
