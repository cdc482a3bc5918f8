import { shortHash } from '../src/model/ids.js';
import { type IpAddress, parseIpAddress } from '../src/model/ip-address.js';

/** 169.254.1.1 to 169.254.254.254, each octet from 1 to 254. */
const OCTETS = 254;
const CANDIDATES = OCTETS * OCTETS;
/** Where clouds answer instances with their metadata: a container may talk to it. */
const METADATA = '169.254.169.254';

/**
 * The IPv4 gateway of a network's containers: fixed by the network's id unless it is taken, because two networks of
 * one container cannot both have a link route to the same address.
 *
 * RFC 3927 reserves 169.254.0.x and 169.254.255.x; neither is given.
 *
 * @param taken those of the node's other networks
 */
export function chooseLinkLocalGateway(networkId: string, taken: ReadonlySet<IpAddress>): IpAddress {
  const start = Number.parseInt(shortHash(networkId, 8), 16) % CANDIDATES;
  for (let step = 0; step < CANDIDATES; step++) {
    const ordinal = (start + step) % CANDIDATES;
    const address = parseIpAddress(`169.254.${1 + Math.floor(ordinal / OCTETS)}.${1 + (ordinal % OCTETS)}`);
    if (address !== METADATA && !taken.has(address)) return address;
  }
  throw new Error(`all ${CANDIDATES} link-local gateways of this node are taken`);
}
