import { shortHash } from '../../src/model/ids.js';
import { bigIntToIp, type IpAddress } from '../../src/model/ip-address.js';
import type { Node } from '../../src/model/node.js';

/** The IPv4 address, or four bytes that follow from the name and are no real network's (RFC 1112's 240/4). */
export function routerIdOf({ name, ip }: Node): IpAddress {
  if (ip !== undefined) return ip;
  const value = 0xf0_00_00_00 + (Number.parseInt(shortHash(name, 7), 16) % 0x0f_ff_ff_fe) + 1;
  return bigIntToIp(4, BigInt(value));
}
