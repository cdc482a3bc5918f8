import type { Cidr } from '../model/cidr.js';
import type { DockerNetworkId, NetworkName } from '../model/ids.js';
import type { IpAddress } from '../model/ip-address.js';

/** One subnet with what was chosen in it. */
export interface SubnetPlan {
  readonly cidr: Cidr;
  readonly gateway?: IpAddress | undefined;
  /** `--ip-range`: where containers' addresses are chosen. */
  readonly range?: Cidr | undefined;
  /** `--aux-address`, by name. */
  readonly auxiliary: Readonly<Record<string, IpAddress>>;
}

/** What `docker network create` is told, but for the driver, which is ours. */
export interface NetworkPlan {
  readonly name: NetworkName;
  /** Empty: one is carved from a pool. */
  readonly subnets: readonly SubnetPlan[];
  readonly ipv6: boolean;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly options: Readonly<Record<string, string>>;
  readonly ipamOptions: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Docker's networks, to be made and removed. Docker calls our own plugin before it answers: never to be awaited inside
 * a plugin call, nor with anything held that such a call waits for.
 *
 * Both throw what Docker says as InvalidRequestError, ConflictError or NotFoundError; DockerUnavailableError if it does
 * not answer, and then the network may have been made or removed.
 */
export interface DockerNetworks {
  create(network: NetworkPlan): Promise<DockerNetworkId>;
  remove(id: DockerNetworkId): Promise<void>;
}
