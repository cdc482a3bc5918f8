import { type Cidr, firstAddress } from '../src/model/cidr.js';
import { familyOf, ipToBigInt } from '../src/model/ip-address.js';

/**
 * A sorted copy, IPv4 before IPv6, then by address: 10.64.0.0/12 comes before 10.200.0.0/16. Each address is read once: a
 * cluster has tens of thousands of blocks.
 */
export const byCidr = <T extends { readonly cidr: Cidr }>(items: readonly T[]): T[] =>
  items
    .map((item) => ({ item, family: familyOf(item.cidr), address: ipToBigInt(firstAddress(item.cidr)) }))
    .sort((a, b) => a.family - b.family || (a.address < b.address ? -1 : a.address > b.address ? 1 : 0))
    .map(({ item }) => item);
