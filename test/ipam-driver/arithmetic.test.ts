import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isChoosable } from '../../ipam-driver/address-rules.js';
import { blockOrder } from '../../ipam-driver/block-order.js';
import { formatPoolId, parsePoolId } from '../../ipam-driver/pool-id.js';
import { rangeCidrs } from '../../ipam-driver/range-cidrs.js';
import { nextFreeSubnet } from '../../ipam-driver/subnet-carving.js';
import { addressAt, type Cidr, contains, overlaps, parseCidr, sizeOf, subnetsOf } from '../../src/model/cidr.js';
import { parseNodeName } from '../../src/model/ids.js';
import { bigIntToIp, ipToBigInt, parseIpAddress } from '../../src/model/ip-address.js';

const node = parseNodeName('alpha');

describe('blockOrder', () => {
  test('gives every block once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 26 }), fc.string(), fc.option(fc.nat(63)), (length, name, after) => {
        const within = parseCidr(`10.64.0.0/${length}`);
        const all = [...subnetsOf(within, 26)];
        const order = [
          ...blockOrder({
            within,
            blockLength: 26,
            node: name as never,
            after: after === null ? undefined : all[after],
          }),
        ];
        expect([...order].sort()).toEqual([...all].sort());
      }),
    );
  });

  test('goes on after the last block that the node has', () => {
    const within = parseCidr('10.64.0.0/24');
    const [next] = blockOrder({ within, blockLength: 26, node, after: parseCidr('10.64.0.64/26') });
    expect(next).toBe('10.64.0.128/26');
  });

  test('is lazy: a /48 has 2^74 blocks', () => {
    const [first] = blockOrder({ within: parseCidr('fd80:c0de::/48'), blockLength: 122, node });
    expect(first).toMatch(/\/122$/);
  });

  test('a range smaller than a block gives the block around it', () => {
    expect([...blockOrder({ within: parseCidr('10.64.0.70/31'), blockLength: 26, node })]).toEqual(['10.64.0.64/26']);
  });
});

const inPool = fc.tuple(fc.nat(1023), fc.integer({ min: 20, max: 32 })).map(([n, length]) => {
  const pool = parseCidr('10.64.0.0/20');
  const address = ipToBigInt(addressAt(pool, n * 4));
  const host = BigInt(32 - length);
  return `${bigIntToIp(4, (address >> host) << host)}/${length}` as Cidr;
});

test('the next free subnet is the first that a slow search finds', () => {
  const pool = parseCidr('10.64.0.0/20');
  fc.assert(
    fc.property(fc.array(inPool, { maxLength: 20 }), fc.integer({ min: 18, max: 30 }), (obstacles, length) => {
      const slow =
        length < 20 ? undefined : [...subnetsOf(pool, length)].find((s) => !obstacles.some((o) => overlaps(o, s)));
      expect(nextFreeSubnet(pool, length, obstacles)).toBe(slow);
    }),
  );
});

test('the CIDRs of a range are disjoint, together the range, and none could be joined with the next', () => {
  fc.assert(
    fc.property(fc.nat(5000), fc.nat(5000), (a, b) => {
      const [low, high] = a < b ? [a, b] : [b, a];
      const cidrs = rangeCidrs(bigIntToIp(4, BigInt(low)), bigIntToIp(4, BigInt(high)));
      expect(cidrs.reduce((sum, cidr) => sum + sizeOf(cidr), 0n)).toBe(BigInt(high - low + 1));
      for (const [n, cidr] of cidrs.entries()) {
        expect(parseCidr(cidr)).toBe(cidr);
        expect(cidrs.slice(n + 1).some((other) => overlaps(cidr, other))).toBe(false);
      }
      expect(cidrs.length).toBeLessThanOrEqual(26);
    }),
  );
  expect(rangeCidrs(parseIpAddress('10.0.0.0'), parseIpAddress('10.0.0.255'))).toEqual(['10.0.0.0/24']);
  expect(rangeCidrs(parseIpAddress('::'), parseIpAddress('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'))).toEqual(['::/0']);
  expect(() => rangeCidrs(parseIpAddress('10.0.0.9'), parseIpAddress('10.0.0.1'))).toThrow('before it begins');
});

describe('a pool id', () => {
  test.each(['10.64.0.0/24;;0123456789ab', 'fd80::/64;fd80::ff00/120;0123456789ab'])(
    '%s is read as it is written',
    (text) => {
      expect(formatPoolId(parsePoolId(text))).toBe(text);
    },
  );

  test.each([
    '',
    '10.64.0.0/24',
    '10.64.0.0/24;;zz',
    '10.64.0.0/24;10.65.0.0/25;0123456789ab',
    '10.64.0.0/24;;0123456789ab;',
  ])('%j is refused', (text) => {
    expect(() => parsePoolId(text)).toThrow();
  });
});

test('the first address and the gateway of a subnet are not chosen, whatever its size; the last one is', () => {
  for (const length of [24, 28, 30, 31]) {
    const subnet = parseCidr(`10.64.0.0/${length}`);
    const choosable = Array.from({ length: Number(sizeOf(subnet)) }, (_, n) => addressAt(subnet, n)).filter((a) =>
      isChoosable(a, { subnet }),
    );
    expect(choosable).toHaveLength(Number(sizeOf(subnet)) - (length === 31 ? 1 : 2));
    expect(choosable.every((address) => contains(subnet, address))).toBe(true);
  }
});
