import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { OwnBlocks } from '../../src/composition/own-blocks.js';
import { BlockAffinityRecord } from '../../src/model/block.js';
import { parseCidr } from '../../src/model/cidr.js';
import { parseNodeName } from '../../src/model/ids.js';
import { eventually } from '../contracts/eventually.js';
import { InMemoryDatastore } from '../fakes/in-memory-datastore.js';

const [HERE, THERE] = [parseNodeName('here'), parseNodeName('there')];

let datastore: InMemoryDatastore;
let blocks: OwnBlocks;
let told: number;
beforeEach(() => {
  datastore = new InMemoryDatastore();
  blocks = new OwnBlocks({ datastore, node: HERE });
  told = 0;
  blocks.subscribe(() => told++);
});
afterEach(() => blocks.close());

const keyOf = (cidr: string) => `${BlockAffinityRecord.prefix}${cidr.replace('/', '-')}`;
const claim = (cidr: string, node = HERE) =>
  datastore.put(keyOf(cidr), BlockAffinityRecord.encode({ cidr: parseCidr(cidr), node }));
const destinations = () =>
  blocks
    .blackholes()
    .map(({ destination }) => destination)
    .sort();

test("blocks of this node lead into nothing, and others' do not", async () => {
  claim('10.64.0.0/26');
  claim('10.64.0.64/26', THERE);
  claim('10.64.0.128/26');
  await eventually(() => expect(destinations()).toEqual(['10.64.0.0/26', '10.64.0.128/26']));
  expect(told).toBeGreaterThan(0);
});

test('a block that another node takes over, or that is released, is this one’s no more', async () => {
  claim('10.64.0.0/26');
  claim('10.64.0.64/26');
  await eventually(() => expect(destinations()).toHaveLength(2));
  claim('10.64.0.0/26', THERE);
  const key = keyOf('10.64.0.64/26');
  await datastore.transact({ compares: [], writes: [{ kind: 'delete', key }] });
  await eventually(() => expect(destinations()).toEqual([]));
});

test('a record that cannot be read is nobody’s block, and harms no other', async () => {
  datastore.put(keyOf('10.64.0.0/26'), '{"kind":');
  claim('10.64.0.64/26');
  await eventually(() => expect(destinations()).toEqual(['10.64.0.64/26']));
});
