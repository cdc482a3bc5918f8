import type { NetworkCommand } from '../../effects/network-stack.js';
import { assertNever } from '../../model/assert-never.js';
import { hostCidr } from '../../model/cidr.js';
import { familyOf } from '../../model/ip-address.js';
import { type LinkAddress, ROUTE_PROTOCOL, type Route, VIA_METRIC } from '../../model/route.js';
import { type Forwarding, type TunnelDevice, VXLAN_ID, VXLAN_PORT } from '../../model/tunnel.js';

/** One command as a line for `ip -batch`, or for `bridge -batch` if it is about a forwarding. */
export function networkCommandText(command: NetworkCommand): string {
  switch (command.kind) {
    case 'addVeth':
      return (
        `link add ${command.hostEnd} address ${command.hostMac} mtu ${command.mtu} type veth` +
        ` peer name ${command.containerEnd} address ${command.containerMac} mtu ${command.mtu}`
      );
    case 'setUp':
      return `link set dev ${command.link} up`;
    case 'setDown':
      return `link set dev ${command.link} down`;
    case 'setEui64':
      return `link set dev ${command.link} addrgenmode eui64`;
    case 'setMac':
      return `link set dev ${command.link} address ${command.mac}`;
    case 'putRoute':
      return `route replace ${routeText(command.route)}${sourceText(command.route)}`;
    case 'removeRoute':
      return `route del ${routeText(command.route)}`;
    case 'putNeighbour': {
      const { address, mac, interfaceName } = command.neighbour;
      return `neigh replace ${address} lladdr ${mac} dev ${interfaceName} nud permanent`;
    }
    case 'removeNeighbour':
      return `neigh del ${command.neighbour.address} dev ${command.neighbour.interfaceName}`;
    case 'addTunnel':
      return tunnelText(command.device);
    case 'removeTunnel':
      return `link del dev ${command.link}`;
    case 'putAddress':
      return addressText(command.address);
    case 'removeAddress':
      return `address del ${hostCidr(command.address.address)} dev ${command.address.interfaceName}`;
    case 'setMtu':
      return `link set dev ${command.link} mtu ${command.mtu}`;
    case 'putForwarding':
    case 'removeForwarding':
      return forwardingText(command.kind === 'putForwarding' ? 'replace' : 'del', command.forwarding);
    default:
      return assertNever(command);
  }
}

/** Of link scope, or deprecated from the start: neither is chosen as source where nobody asks for it. */
function addressText({ address, interfaceName }: LinkAddress): string {
  const asked = familyOf(address) === 4 ? 'scope link' : 'nodad noprefixroute preferred_lft 0';
  return `address replace ${hostCidr(address)} dev ${interfaceName} ${asked}`;
}

function tunnelText({ kind, name, local, mac, mtu }: TunnelDevice): string {
  const begin = `link add ${name} ${mac === undefined ? '' : `address ${mac} `}mtu ${mtu} type ${kind}`;
  if (kind === 'ipip') return `${begin} local ${local} ttl 64`;
  return `${begin} id ${VXLAN_ID} local ${local} dstport ${VXLAN_PORT} nolearning`;
}

/** A line for `bridge -batch`. */
const forwardingText = (deed: 'replace' | 'del', { mac, remote, interfaceName }: Forwarding): string =>
  `fdb ${deed} ${mac} dev ${interfaceName} dst ${remote} self${deed === 'replace' ? ' permanent' : ''}`;

function routeText(route: Route): string {
  return [...wordsOf(route), `proto ${ROUTE_PROTOCOL}`].join(' ');
}

function wordsOf(route: Route): readonly string[] {
  const { destination } = route;
  switch (route.kind) {
    case 'blackhole':
      return ['blackhole', destination];
    case 'link':
      return [destination, `dev ${route.interfaceName}`, ...(familyOf(destination) === 4 ? ['scope link'] : [])];
    case 'via': {
      const other = familyOf(destination) === 4 && familyOf(route.gateway) === 6 ? ' inet6' : '';
      return [destination, `via${other} ${route.gateway} dev ${route.interfaceName} onlink metric ${VIA_METRIC}`];
    }
    default:
      return assertNever(route);
  }
}

/** The kernel needs none to know which route is to go. */
const sourceText = (route: Route): string =>
  route.kind === 'via' && route.source !== undefined ? ` src ${route.source}` : '';
