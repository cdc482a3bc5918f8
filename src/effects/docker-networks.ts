import type { DockerNetworkId } from '../model/ids.js';
import type { NetworkPlan } from '../model/network-plan.js';

/**
 * Docker's networks, to be made and removed. Docker calls our own plugin before it answers: never to be awaited inside
 * a plugin call, nor with anything held that such a call waits for.
 *
 * `create` and `remove` throw what Docker says as InvalidRequestError, ConflictError or NotFoundError; DockerUnavailableError if it does
 * not answer, and then the network may have been made or removed.
 */
export interface DockerNetworks {
  create(network: NetworkPlan): Promise<DockerNetworkId>;
  /** The network of that very name and its driver, whoever made it. @throws DockerUnavailableError */
  find(name: string): Promise<{ readonly id: DockerNetworkId; readonly driver: string } | undefined>;
  remove(id: DockerNetworkId): Promise<void>;
}
