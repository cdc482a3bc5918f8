import type { Sysctl } from '../src/effects/sysctls.js';
import { hostCidr } from '../src/model/cidr.js';
import type { Endpoint } from '../src/model/endpoint.js';
import { containerInterfaceOf, hostInterfaceOf, type InterfaceName } from '../src/model/ids.js';
import { familyOf, type IpAddress } from '../src/model/ip-address.js';
import { hostSideMacOf, type MacAddress } from '../src/model/mac-address.js';
import type { PermanentNeighbour, Route } from '../src/model/route.js';
import { linkSettings } from './link-settings.js';

/** What the kernel should hold of one attached endpoint, besides its policy. */
export interface EndpointKernelState {
  readonly hostEnd: InterfaceName;
  readonly hostMac: MacAddress;
  readonly containerEnd: InterfaceName;
  readonly containerMac: MacAddress;
  /** The host side gets a link-local address, which containers have as their IPv6 gateway. */
  readonly hasLinkLocal: boolean;
  /** Of the host side; all of them set before the container gets its end, without which nothing passes. */
  readonly sysctls: readonly Sysctl[];
  readonly neighbours: readonly PermanentNeighbour[];
  readonly routes: readonly Route[];
}

/**
 * A container's IPv4 gateway is an address that nobody has, and the host answers ARP for it only if it has a route to
 * it other than back to the container: the default route, usually. This one serves hosts that have none.
 */
export const gatewayRoute = (gateway: IpAddress): Route => ({
  kind: 'link',
  destination: hostCidr(gateway),
  interfaceName: 'lo' as InterfaceName,
});

/** @param ipv6 the kernel has IPv6: without it there are no IPv6 settings to write */
export function endpointKernelState(
  endpoint: Pick<Endpoint, 'id' | 'dockerNetworkId' | 'mac' | 'addresses'>,
  options: { readonly ipv6: boolean },
): EndpointKernelState {
  const hostEnd = hostInterfaceOf(endpoint.id);
  const addresses = endpoint.addresses.filter((address) => options.ipv6 || familyOf(address) === 4);
  return {
    hostEnd,
    hostMac: hostSideMacOf(endpoint.dockerNetworkId),
    containerEnd: containerInterfaceOf(endpoint.id),
    containerMac: endpoint.mac,
    hasLinkLocal: options.ipv6,
    // Strict against forged sources, and against ARP requests that would fill the host's neighbour table.
    sysctls: [...containerSettings(hostEnd), ...linkSettings(hostEnd, { reversePath: 'strict', ipv6: options.ipv6 })],
    neighbours: addresses.map((address) => ({ address, mac: endpoint.mac, interfaceName: hostEnd })),
    routes: addresses.map((address) => ({ kind: 'link', destination: hostCidr(address), interfaceName: hostEnd })),
  };
}

/** Only of a link to a container; see `linkSettings` for the others. */
function containerSettings(link: InterfaceName): readonly Sysctl[] {
  const conf = `net/ipv4/conf/${link}`;
  return [
    // The container's gateway is an address that nobody has: the host answers for it, and for all else.
    { path: `${conf}/proxy_arp`, value: '1' },
    // The kernel waits up to 0.8 s by default before it answers for others.
    { path: `net/ipv4/neigh/${link}/proxy_delay`, value: '0' },
    // With 1 a frame to 127.0.0.1 from the container would reach services on the host's loopback.
    { path: `${conf}/route_localnet`, value: '0' },
  ];
}
