import type { DockerNetworkId } from '../model/ids.js';
import type { NetworkPlan, NetworkRecipe } from '../model/network-plan.js';

export interface FoundNetwork {
  readonly id: DockerNetworkId;
  readonly driver: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Docker's networks, to be made and removed. Docker calls our own plugin before it answers: never to be awaited inside
 * a plugin call, nor with anything held that such a call waits for.
 *
 * `create` and `remove` throw what Docker says as InvalidRequestError, ConflictError or NotFoundError; DockerUnavailableError if it does
 * not answer, and then the network may have been made or removed.
 */
export interface DockerNetworks {
  create(network: NetworkPlan): Promise<DockerNetworkId>;
  /** The network of that very name, whoever made it, other than `except`. @throws DockerUnavailableError */
  find(name: string, except?: DockerNetworkId): Promise<FoundNetwork | undefined>;
  /** A config-only network: no driver hears of it, and others can be made from it. */
  createConfig(config: NetworkRecipe & { readonly name: string }): Promise<DockerNetworkId>;
  remove(id: DockerNetworkId): Promise<void>;
}
