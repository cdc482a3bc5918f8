import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { WatchedBlocks } from '../../src/composition/watched-blocks.js';
import type { BlockChange } from '../../src/effects/cluster-blocks.js';
import { aBlockRecord } from '../builders/blocks.js';
import { eventually } from '../contracts/eventually.js';
import { InMemoryDatastore } from '../fakes/in-memory-datastore.js';

let datastore: InMemoryDatastore;
let blocks: WatchedBlocks;
let told: BlockChange[];
beforeEach(async () => {
  datastore = new InMemoryDatastore();
  datastore.write(aBlockRecord('10.64.0.0/26', 'here'));
  blocks = new WatchedBlocks({ datastore });
  await blocks.ready();
  told = [];
  blocks.subscribe((change) => told.push(change));
});
afterEach(() => blocks.close());

const text = () =>
  [...blocks.blocks()]
    .map(({ cidr, node, guests }) => `${cidr} ${node} ${[...guests]}`)
    .sort((a, b) => (a < b ? -1 : 1));

test('it knows the blocks from the first snapshot, and then each change', async () => {
  expect(text()).toEqual(['10.64.0.0/26 here ']);
  datastore.write(aBlockRecord('10.64.0.64/26', 'there', { '10.64.0.66': 'here', '10.64.0.67': 'there' }));
  await eventually(() => expect(text()).toEqual(['10.64.0.0/26 here ', '10.64.0.64/26 there 10.64.0.66,here']));
  datastore.write({ kind: 'delete', key: aBlockRecord('10.64.0.0/26', '').key });
  await eventually(() => expect(text()).toEqual(['10.64.0.64/26 there 10.64.0.66,here']));
  expect(told.map(({ before, after }) => `${before?.cidr} > ${after?.cidr}`)).toEqual([
    'undefined > 10.64.0.64/26',
    '10.64.0.0/26 > undefined',
  ]);
});

test('an address that its own node takes changes nothing; one that another node takes does', async () => {
  datastore.write(aBlockRecord('10.64.0.0/26', 'here', { '10.64.0.2': 'here' }));
  datastore.write(aBlockRecord('10.64.0.0/26', 'here', { '10.64.0.2': 'here', '10.64.0.3': 'there' }));
  await eventually(() => expect(told).toHaveLength(1));
  expect([...(told[0]?.after?.guests ?? [])]).toEqual([['10.64.0.3', 'there']]);
});

test('a record that cannot be read is nobody’s block, and harms no other', async () => {
  const { key } = aBlockRecord('10.64.0.64/26', 'here');
  datastore.put(key, '{"kind":');
  datastore.write(aBlockRecord('10.64.0.128/26', 'there'));
  await eventually(() => expect(text()).toEqual(['10.64.0.0/26 here ', '10.64.0.128/26 there ']));
});
