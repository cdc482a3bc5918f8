import { addressAt, type Cidr, contains, firstAddress, networkOf, prefixLengthOf } from '../src/model/cidr.js';
import { type NodeName, shortHash } from '../src/model/ids.js';
import { ADDRESS_BITS, bigIntToIp, familyOf, type IpAddress, ipToBigInt } from '../src/model/ip-address.js';

export interface BlockRequest {
  readonly within: Cidr;
  readonly blockLength: number;
  readonly node: NodeName;
  readonly after?: Cidr | undefined;
}

/** How many blocks are looked at at once before all are, in order and then by chance. */
const LOOKED_AT = { inOrder: 4, byChance: 16 };

/**
 * Some blocks of `within` to look at first, since one of them is probably free unless nearly all are taken: the next in
 * order, and then some by chance, because where one node has blocks others have theirs. The same for the same request.
 *
 * @param request of more blocks than these
 */
export function likelyBlocks(request: BlockRequest): readonly (readonly Cidr[])[] {
  const { within, blockLength, node, after } = request;
  const order = blockOrder(request);
  const places = 1n << BigInt(blockLength - prefixLengthOf(within));
  const step = 1n << BigInt(ADDRESS_BITS[familyOf(within)] - blockLength);
  const byChance = (n: number): Cidr => {
    const place = BigInt(`0x${shortHash(`${node} ${within} ${after} ${n}`, 16)}`) % places;
    return networkOf(addressAt(within, place * step), blockLength);
  };
  return [
    Array.from({ length: LOOKED_AT.inOrder }, () => order.next().value as Cidr),
    [...new Set(Array.from({ length: LOOKED_AT.byChance }, (_, n) => byChance(n)))],
  ];
}

/**
 * Blocks of `within` in the order in which `node` should try them, every block once. A node goes on after the last
 * block it has, so that its blocks lie together; its first is chosen by a hash of its name, so that two nodes
 * meet on a block only by chance.
 *
 * Lazy: a /64 has 2^58 blocks of /122, and a caller wants one. `within` smaller than a block gives the block around it.
 */
export function* blockOrder({ within, blockLength, node, after }: BlockRequest): Generator<Cidr> {
  const length = prefixLengthOf(within);
  if (length >= blockLength) {
    yield networkOf(firstAddress(within), blockLength);
    return;
  }
  const family = familyOf(within);
  const first = ipToBigInt(firstAddress(within));
  const step = 1n << BigInt(ADDRESS_BITS[family] - blockLength);
  const count = 1n << BigInt(blockLength - length);
  const start =
    after !== undefined && contains(within, after)
      ? (ipToBigInt(firstAddress(after) as IpAddress) - first) / step + 1n
      : BigInt(`0x${shortHash(`${node} ${within}`, 16)}`);
  for (let n = 0n; n < count; n++) {
    yield `${bigIntToIp(family, first + ((start + n) % count) * step)}/${blockLength}` as Cidr;
  }
}
