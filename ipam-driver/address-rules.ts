import { addressAt, type Cidr, contains, sizeOf } from '../src/model/cidr.js';
import type { IpAddress } from '../src/model/ip-address.js';

/** Docker wants a gateway for each subnet, and a container wants an address besides. */
export const SMALLEST_SUBNET = 2n;

/**
 * The address that is a network's gateway unless the user names one: the first after the network's own address, as
 * with Docker's own driver, so that it is the same on every node.
 */
export const defaultGateway = (subnet: Cidr): IpAddress => addressAt(subnet, sizeOf(subnet) > SMALLEST_SUBNET ? 1 : 0);

/**
 * Whether an address may be chosen for a container. Addresses are routed one by one, so that none is a broadcast
 * address and the last one is as good as any; but the subnet's own address (the anycast address of its routers in
 * IPv6, RFC 4291 2.6.1) and the place of the gateway are given only to those who ask for them by name.
 */
export function isChoosable(
  address: IpAddress,
  place: { readonly subnet: Cidr; readonly range?: Cidr | undefined },
): boolean {
  if (address === addressAt(place.subnet, 0) || address === defaultGateway(place.subnet)) return false;
  return place.range === undefined || contains(place.range, address);
}
