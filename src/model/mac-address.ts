import { createHash } from 'node:crypto';
import type { Brand } from './brand.js';
import { InvalidRequestError } from './errors.js';
import { type DockerNetworkId, type EndpointId, shortHash } from './ids.js';
import { type IpAddress, parseIpAddress } from './ip-address.js';

/** Six lower-case hex pairs joined by colons. */
export type MacAddress = Brand<string, 'MacAddress'>;

/** What the MAC addresses of all host sides begin with. */
const HOST_SIDE_PREFIX = 'ee:ee:ee';

/** A host has few networks, and every call asks about one of them. */
const HOST_SIDES = new Map<DockerNetworkId, HostSide>();
const MAX_HOST_SIDES = 1_024;

interface HostSide {
  readonly mac: MacAddress;
  readonly linkLocal: IpAddress;
}

/**
 * The address of the host sides of one Docker network's endpoints: fixed, so that what a container remembers of its
 * gateway outlives any restart of ours, and unlike that of its other networks, so that each has an IPv6 gateway of its
 * own. 24 bits of hash: two networks of one container share it once in 16 million.
 */
export const hostSideMacOf = (id: DockerNetworkId): MacAddress => hostSideOf(id).mac;

/** Of the host sides of one Docker network's endpoints: the containers' IPv6 gateway. */
export const hostSideLinkLocalOf = (id: DockerNetworkId): IpAddress => hostSideOf(id).linkLocal;

function hostSideOf(id: DockerNetworkId): HostSide {
  const known = HOST_SIDES.get(id);
  if (known !== undefined) return known;
  const mac = `${HOST_SIDE_PREFIX}:${shortHash(id, 6).replace(/(..)(?=.)/g, '$1:')}` as MacAddress;
  const hostSide = { mac, linkLocal: linkLocalOf(mac) };
  if (HOST_SIDES.size >= MAX_HOST_SIDES) HOST_SIDES.clear();
  HOST_SIDES.set(id, hostSide);
  return hostSide;
}

/** The link-local address that Linux derives from a MAC (RFC 4291, appendix A). */
export function linkLocalOf(mac: MacAddress): IpAddress {
  const [a = '', b, c, d, e, f] = mac.split(':');
  const first = (Number.parseInt(a, 16) ^ 2).toString(16).padStart(2, '0');
  return parseIpAddress(`fe80::${first}${b}:${c}ff:fe${d}:${e}${f}`);
}

/** Takes `:` or `-` between pairs, any case. @throws InvalidRequestError for anything else, for group addresses and for zero. */
export function parseMacAddress(text: string): MacAddress {
  const mac = text.toLowerCase().replaceAll('-', ':');
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac)) {
    throw new InvalidRequestError(
      `${JSON.stringify(text.slice(0, 40))} is not a MAC address: write it as 02:42:ac:11:00:02`,
    );
  }
  if (mac === '00:00:00:00:00:00') {
    throw new InvalidRequestError(`${mac} is no interface's MAC address: choose another, such as 02:42:ac:11:00:02`);
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
