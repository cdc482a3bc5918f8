import type { Cidr } from './cidr.js';
import type { InterfaceName } from './ids.js';
import type { IpAddress } from './ip-address.js';

/** An address of the host on a link that is up, with the network that it makes reachable there. */
export interface HostNetwork {
  readonly interfaceName: InterfaceName;
  /** Of the link, in bytes. */
  readonly mtu: number;
  readonly address: IpAddress;
  readonly network: Cidr;
}
