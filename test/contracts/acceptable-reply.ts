import { contains, firstAddress, parseCidr, parseInterfaceAddress } from '../../src/model/cidr.js';
import { familyOf, parseIpAddress } from '../../src/model/ip-address.js';
import { parseMacAddress } from '../../src/model/mac-address.js';

type Json = Readonly<Record<string, unknown>>;

/** Why Docker 20.10 to 29 could not use this successful reply (protocol.md, sections 3, 4 and 6), or undefined. */
export function unacceptable(method: string, request: Json, reply: Json): string | undefined {
  try {
    switch (method) {
      case 'RequestPool':
        parseCidr(String(reply['Pool']));
        return typeof reply['PoolID'] === 'string' && reply['PoolID'] !== '' ? undefined : 'no PoolID';
      case 'RequestAddress':
        parseInterfaceAddress(String(reply['Address']));
        return undefined;
      case 'CreateEndpoint':
        return problemOfEndpoint(request['Interface'] as Json, (reply['Interface'] ?? {}) as Json);
      case 'Join':
        return problemOfJoin(reply);
      case 'EndpointOperInfo':
        return typeof reply['Value'] === 'object' ? undefined : 'no Value';
      default:
        return undefined;
    }
  } catch (error) {
    return `${String(error)} in ${JSON.stringify(reply)}`;
  }
}

function problemOfEndpoint(asked: Json, replied: Json): string | undefined {
  for (const field of ['Address', 'AddressIPv6', 'MacAddress']) {
    if (asked[field] !== '' && (replied[field] ?? '') !== '') return `${field} was set and is set again`;
  }
  if (asked['MacAddress'] === '') parseMacAddress(String(replied['MacAddress']));
  return undefined;
}

function problemOfJoin(reply: Json): string | undefined {
  const name = reply['InterfaceName'] as Json;
  if (!/^\S{1,15}$/.test(String(name['SrcName']))) return `link name ${name['SrcName']}`;
  if (!/^[a-z]+$/.test(String(name['DstPrefix']))) return `link prefix ${name['DstPrefix']}`;
  const routes = (reply['StaticRoutes'] ?? []) as readonly Json[];
  const onLink = routes
    .filter((route) => route['RouteType'] === 1)
    .map((route) => parseCidr(String(route['Destination'])));
  for (const route of routes) {
    const destination = parseCidr(String(route['Destination']));
    if (firstAddress(destination) === '0.0.0.0') return 'a default route among the static ones';
    if (route['RouteType'] === 1) continue;
    const nextHop = parseIpAddress(String(route['NextHop']));
    if (familyOf(nextHop) === 4 && !onLink.some((link) => contains(link, nextHop)))
      return `no link route to ${nextHop}`;
  }
  const gateway = reply['Gateway'];
  if (gateway !== '' && !onLink.some((link) => contains(link, parseIpAddress(String(gateway))))) {
    return `no link route to the gateway ${String(gateway)}`;
  }
  return reply['DisableGatewayService'] === true ? undefined : 'docker_gwbridge would be joined';
}
