import type { Cidr } from '../model/cidr.js';
import type { IpAddress } from '../model/ip-address.js';
import type { DockerNetwork } from './docker.js';

/** What address management can take back of what Docker was given and has lost. */
export interface AddressReclaim {
  /**
   * One look at this node's addresses and subnets. Frees addresses that no endpoint came for within 10 minutes, and,
   * when seen so in two calls 10 s or more apart, those of endpoints and subnets of networks that neither the store nor Docker knows.
   *
   * @param docker all of `Docker.networks()`; undefined: not known now, and then nothing is freed that Docker may have
   */
  reclaim(docker: readonly DockerNetwork[] | undefined): Promise<Reclaimed>;
}

/** What one look freed. */
export interface Reclaimed {
  readonly addresses: readonly IpAddress[];
  readonly subnets: readonly Cidr[];
}
