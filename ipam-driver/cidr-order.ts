import { type Cidr, firstAddress } from '../src/model/cidr.js';
import { familyOf, ipToBigInt } from '../src/model/ip-address.js';

/** IPv4 before IPv6, then by address: 10.64.0.0/12 comes before 10.200.0.0/16. */
export function compareCidrs(a: Cidr, b: Cidr): number {
  if (familyOf(a) !== familyOf(b)) return familyOf(a) - familyOf(b);
  const [x, y] = [ipToBigInt(firstAddress(a)), ipToBigInt(firstAddress(b))];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** A sorted copy. */
export const byCidr = <T extends { readonly cidr: Cidr }>(items: readonly T[]): T[] =>
  [...items].sort((a, b) => compareCidrs(a.cidr, b.cidr));
