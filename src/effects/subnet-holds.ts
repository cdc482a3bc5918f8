import type { Cidr } from '../model/cidr.js';
import type { IpFamily } from '../model/ip-address.js';

/** A subnet that nobody else can take until it is released. */
export interface HeldSubnet {
  readonly cidr: Cidr;
  release(): Promise<void>;
}

/** The choice of subnets, as Docker's RequestPool makes it. */
export interface SubnetHolds {
  /** Without `cidr`, one is carved from a pool. @throws ConflictError, InvalidRequestError, NotFoundError with the way out */
  hold(wish: {
    readonly family: IpFamily;
    readonly cidr?: Cidr | undefined;
    readonly range?: Cidr | undefined;
    readonly poolName?: string | undefined;
  }): Promise<HeldSubnet>;
}
