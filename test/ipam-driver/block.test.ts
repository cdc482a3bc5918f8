import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  assign,
  bind,
  claim,
  coolingAddresses,
  emptyBlock,
  free,
  nextFresh,
  release,
  unbind,
  unreserve,
} from '../../ipam-driver/block.js';
import { type Allocation, type Block, BlockRecord, blockKey, holdersOf } from '../../src/model/block.js';
import { addressAt, parseCidr } from '../../src/model/cidr.js';
import { parseNodeName } from '../../src/model/ids.js';
import type { IpAddress } from '../../src/model/ip-address.js';
import { handleOf } from '../builders/ipam.js';

const node = parseNodeName('alpha');
const cidr = parseCidr('10.65.0.0/28');
const AT = '2026-01-01T00:00:00.000Z';
const empty = claim(emptyBlock({ cidr, subnet: parseCidr('10.65.0.0/24') }), node, AT);
const unbound = (handle: string): Allocation => ({ state: 'unbound', node, handle: handleOf(handle), since: AT });
const holder = (handle: string) => ({ node, handle: handleOf(handle), since: AT });
const any = (): boolean => true;

function given(block: Block, address: IpAddress, allocation: Allocation): Block {
  const outcome = assign(block, address, allocation);
  if (outcome.kind !== 'assigned') throw new Error(`${address} is taken`);
  return outcome.block;
}

test('each ordinal is given once, ascending, and then the block is full', () => {
  let block = empty;
  const addresses: string[] = [];
  for (let address = nextFresh(block, any); address !== undefined; address = nextFresh(block, any)) {
    addresses.push(address);
    block = given(block, address, unbound('h'));
  }
  expect(addresses).toEqual(Array.from({ length: 16 }, (_, n) => `10.65.0.${n}`));
});

type Deed = {
  readonly kind: 'assign' | 'release' | 'bind' | 'unbind' | 'free' | 'unreserve';
  readonly ordinal: number;
};
const deeds: fc.Arbitrary<Deed[]> = fc.array(
  fc.record({
    kind: fc.constantFrom('assign', 'release', 'bind', 'unbind', 'free', 'unreserve'),
    ordinal: fc.nat(15),
  }) as fc.Arbitrary<Deed>,
);

function perform(block: Block, { kind, ordinal }: Deed): Block {
  const address = addressAt(cidr, ordinal);
  switch (kind) {
    case 'assign': {
      const outcome = assign(block, address, unbound('h'));
      return outcome.kind === 'assigned' ? outcome.block : block;
    }
    case 'bind': {
      const outcome = bind(block, address, holder('e'));
      return outcome.kind === 'bound' ? outcome.block : block;
    }
    case 'unbind':
      return unbind(block, address, holder('e'));
    case 'release':
      return release(block, address, node, AT);
    case 'free':
      return free(block, address, AT);
    case 'unreserve':
      return unreserve(block, address);
  }
}

test('whatever is done, an ordinal is assigned, cooling or fresh, and the stored text gives the same block back', () => {
  fc.assert(
    fc.property(deeds, (list) => {
      const block = list.reduce(perform, empty);
      const cooling = block.cooling.map(({ ordinal }) => ordinal);
      expect(new Set(cooling).size).toBe(cooling.length);
      expect(cooling.filter((ordinal) => block.allocations.has(ordinal))).toEqual([]);
      const key = blockKey(block.subnet, block.cidr);
      expect(BlockRecord.decode(key, BlockRecord.encode(block))).toEqual(block);
    }),
  );
});

test('freed addresses wait in the order of their release', () => {
  const full = [3, 1, 2].reduce((block, n) => given(block, addressAt(cidr, n), unbound('h')), empty);
  const freed = [2, 3, 1].reduce((block, n) => release(block, addressAt(cidr, n), node, AT), full);
  expect(coolingAddresses(freed).map(({ address }) => address)).toEqual(['10.65.0.2', '10.65.0.3', '10.65.0.1']);
});

describe('bind', () => {
  const address = addressAt(cidr, 5);
  const reserved = (purpose: 'gateway' | 'auxiliary'): Block =>
    given(empty, address, { state: 'reserved', purpose, ending: false, since: AT });

  test.each([
    ['an unbound address of this node', given(empty, address, unbound('h')), 'bound'],
    [
      'an unbound address of another node',
      given(empty, address, { ...unbound('h'), node: parseNodeName('beta') } as Allocation),
      'taken',
    ],
    ['a free address', empty, 'not assigned'],
    ['an auxiliary address that turned out to be a container', reserved('auxiliary'), 'bound', 1],
    ['an auxiliary address of two networks', reserved('auxiliary'), 'taken', 2],
    ['the gateway', reserved('gateway'), 'taken'],
  ])('%s', (_name, block, kind, reservations = 0) => {
    expect(bind(block, address, holder('e'), reservations).kind).toBe(kind);
  });
});

test('a stored block that has an ordinal twice is refused with its key', () => {
  const text = BlockRecord.encode({
    ...given(empty, addressAt(cidr, 5), unbound('h')),
    cooling: [{ ordinal: 5, releasedAt: AT, node }],
  });
  expect(() => BlockRecord.decode('/k', text)).toThrow(
    'the record at /k cannot be read: the record: ordinal 5 stands in it twice',
  );
});

test('who holds what of a block can be read without the rest of it, even where that is corrupt', () => {
  const key = blockKey(empty.subnet, empty.cidr);
  const text = BlockRecord.encode(given(empty, addressAt(cidr, 5), unbound('h'))).replace('"unbound"', '"lost"');
  expect(() => BlockRecord.decode(key, text)).toThrow(key);
  expect(holdersOf(key, text)).toEqual({ cidr, subnet: empty.subnet, node, guests: new Map() });
  const borrowed = text.replace('"state":"lost","node":"alpha"', '"state":"lost","node":"beta"');
  expect(holdersOf(key, borrowed).guests).toEqual(new Map([[addressAt(cidr, 5), 'beta']]));
});
