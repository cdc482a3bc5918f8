import {
  type Cidr,
  contains,
  firstAddress,
  lastAddress,
  networkOf,
  overlaps,
  prefixLengthOf,
} from '../src/model/cidr.js';
import { bigIntToIp, familyOf, ipToBigInt } from '../src/model/ip-address.js';

/**
 * The first network of `length` bits in `pool` that overlaps no obstacle; undefined if there is none.
 *
 * It leaps from obstacle to obstacle, so that a /48 with 65,536 networks costs as many steps as have been taken.
 */
export function nextFreeSubnet(pool: Cidr, length: number, obstacles: readonly Cidr[]): Cidr | undefined {
  if (length < prefixLengthOf(pool)) return undefined;
  const family = familyOf(pool);
  const near = obstacles.filter((obstacle) => overlaps(pool, obstacle));
  const end = ipToBigInt(lastAddress(pool));
  let candidate = networkOf(firstAddress(pool), length);
  for (;;) {
    const current = candidate;
    const obstacle = near.find((taken) => overlaps(current, taken));
    if (obstacle === undefined) return candidate;
    const last = contains(obstacle, candidate) ? obstacle : candidate;
    const next = ipToBigInt(lastAddress(last)) + 1n;
    if (next > end) return undefined;
    candidate = networkOf(bigIntToIp(family, next), length);
  }
}

/** `0.0.0.0/24` and `::/64` are how engines from 28 on say "any network of this size". */
export const isAnyOfSize = (cidr: Cidr): boolean => /^(0\.0\.0\.0|::)\//.test(cidr);
