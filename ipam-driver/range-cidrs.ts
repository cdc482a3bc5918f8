import type { Cidr } from '../src/model/cidr.js';
import { InvalidRequestError } from '../src/model/errors.js';
import { ADDRESS_BITS, bigIntToIp, familyOf, type IpAddress, ipToBigInt } from '../src/model/ip-address.js';

/** The fewest CIDRs that are exactly `first` to `last`, both included, ascending. @throws InvalidRequestError */
export function rangeCidrs(first: IpAddress, last: IpAddress): readonly Cidr[] {
  const family = familyOf(first);
  if (familyOf(last) !== family)
    throw new InvalidRequestError(`${first} and ${last} are not of one family; give two IPv4 or two IPv6 addresses`);
  const end = ipToBigInt(last);
  let start = ipToBigInt(first);
  if (start > end)
    throw new InvalidRequestError(
      `the range ends at ${last}, before it begins at ${first}; give the lower address first`,
    );
  const cidrs: Cidr[] = [];
  while (start <= end) {
    let bits = 0n;
    const fits = (hostBits: bigint): boolean =>
      hostBits <= ADDRESS_BITS[family] && start % (1n << hostBits) === 0n && start + (1n << hostBits) - 1n <= end;
    while (fits(bits + 1n)) bits++;
    cidrs.push(`${bigIntToIp(family, start)}/${BigInt(ADDRESS_BITS[family]) - bits}` as Cidr);
    start += 1n << bits;
  }
  return cidrs;
}
