import { createHash } from 'node:crypto';
import type { Brand } from './brand.js';
import { InvalidRequestError } from './errors.js';
import type { EndpointId } from './ids.js';

/** Six lower-case hex pairs joined by colons. */
export type MacAddress = Brand<string, 'MacAddress'>;

/** Every host side bears this address, so what a container remembers of its gateway outlives any restart of ours. */
export const HOST_SIDE_MAC = 'ee:ee:ee:ee:ee:ee' as MacAddress;
/** The link-local address that Linux derives from HOST_SIDE_MAC (RFC 4291, appendix A): each container's IPv6 gateway. */
export const HOST_SIDE_LINK_LOCAL = 'fe80::ecee:eeff:feee:eeee';

/** Takes `:` or `-` between pairs, any case. @throws InvalidRequestError for anything else, and for group addresses. */
export function parseMacAddress(text: string): MacAddress {
  const mac = text.toLowerCase().replaceAll('-', ':');
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac)) {
    throw new InvalidRequestError(
      `${JSON.stringify(text.slice(0, 40))} is not a MAC address: write it as 02:42:ac:11:00:02`,
    );
  }
  if ((Number.parseInt(mac.slice(0, 2), 16) & 1) === 1) {
    throw new InvalidRequestError(
      `${mac} is a multicast MAC address: choose one whose first byte is even, such as 02:42:ac:11:00:02`,
    );
  }
  return mac as MacAddress;
}

/** A locally administered unicast address fixed by the endpoint's id. */
export function macOfEndpoint(id: EndpointId): MacAddress {
  const bytes = createHash('sha256').update(id).digest().subarray(0, 5);
  return ['02', ...Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'))].join(':') as MacAddress;
}
