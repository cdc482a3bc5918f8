import { type Cidr, hostCidr, prefixLengthOf, subnetsOf } from '../src/model/cidr.js';
import type { Endpoint } from '../src/model/endpoint.js';
import type { InterfaceName } from '../src/model/ids.js';
import { ADDRESS_BITS, familyOf, type IpAddress } from '../src/model/ip-address.js';
import { hostSideLinkLocalOf } from '../src/model/mac-address.js';
import type { Network } from '../src/model/network.js';
import type { JoinReply, StaticRoute } from '../src/protocol/network-driver.js';

/** Docker renames the link to this and a number: `eth0`. */
const INTERFACE_PREFIX = 'eth';

/**
 * What Docker sets up in the container. The gateway is off-link with a link route of its own (protocol.md, 6.2); a
 * route to each of the network's own subnets makes traffic between its containers leave by its own interface, when
 * another network has the default route.
 *
 * @param sharedSubnets subnets that other networks of this node have as well: a container on two such networks would
 *   get the same route twice, which the kernel refuses, and Docker then refuses to start it
 */
export function joinReply(join: {
  readonly containerInterface: InterfaceName;
  readonly endpoint: Pick<Endpoint, 'addresses' | 'dockerNetworkId'>;
  readonly network: Network;
  readonly gateway: IpAddress;
  readonly sharedSubnets: ReadonlySet<Cidr>;
}): JoinReply {
  const { network } = join;
  const gateways = { 4: join.gateway, 6: hostSideLinkLocalOf(join.endpoint.dockerNetworkId) };
  const families = new Set(join.endpoint.addresses.map(familyOf));
  const routes = network.subnets
    .filter(({ cidr }) => families.has(familyOf(cidr)) && !join.sharedSubnets.has(cidr))
    .flatMap(({ cidr }) => routedParts(cidr, network.ipam))
    .map((cidr): StaticRoute => ({ Destination: cidr, RouteType: 0, NextHop: gateways[familyOf(cidr)] }));
  // Docker looks up the way to each next hop: without these it would take another network's link for IPv6.
  const links = ([4, 6] as const)
    .filter((family) => families.has(family))
    .map((family): StaticRoute => ({ Destination: hostCidr(gateways[family]), RouteType: 1, NextHop: '' }));
  return {
    InterfaceName: { SrcName: join.containerInterface, DstPrefix: INTERFACE_PREFIX },
    // Docker would install a gateway on an --internal network, too.
    Gateway: families.has(4) && !network.internal ? gateways[4] : '',
    // On 20.10 a container without an IPv6 address cannot start with an IPv6 gateway.
    GatewayIPv6: families.has(6) && !network.internal ? gateways[6] : '',
    StaticRoutes: [...links, ...routes],
    // Never docker_gwbridge, which leads past all policy.
    DisableGatewayService: true,
  };
}

/**
 * Docker's own IPAM sets addresses with the subnet's prefix length, so that the kernel has the subnet on the link
 * already; its two halves are more specific, and go by the gateway.
 */
function routedParts(cidr: Cidr, ipam: Network['ipam']): readonly Cidr[] {
  const length = prefixLengthOf(cidr);
  if (ipam === 'corduroy' || length === ADDRESS_BITS[familyOf(cidr)]) return [cidr];
  return [...subnetsOf(cidr, length + 1)];
}
