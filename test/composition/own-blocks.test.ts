import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { OwnBlocks } from '../../src/composition/own-blocks.js';
import { WatchedBlocks } from '../../src/composition/watched-blocks.js';
import { parseNodeName } from '../../src/model/ids.js';
import { aBlockRecord } from '../builders/blocks.js';
import { eventually } from '../contracts/eventually.js';
import { InMemoryDatastore } from '../fakes/in-memory-datastore.js';

let datastore: InMemoryDatastore;
let watched: WatchedBlocks;
let blocks: OwnBlocks;
let told: number;
beforeEach(() => {
  datastore = new InMemoryDatastore();
  watched = new WatchedBlocks({ datastore });
  blocks = new OwnBlocks({ blocks: watched, node: parseNodeName('here') });
  told = 0;
  blocks.subscribe(() => told++);
});
afterEach(() => watched.close());

const claim = (cidr: string, node = 'here') => datastore.write(aBlockRecord(cidr, node));
const destinations = () =>
  blocks
    .blackholes()
    .map(({ destination }) => String(destination))
    .sort();

test("blocks of this node lead into nothing, and others' do not, nor is their change told", async () => {
  claim('10.64.0.0/26');
  claim('10.64.0.64/26', 'there');
  claim('10.64.0.128/26');
  await eventually(() => expect(destinations()).toEqual(['10.64.0.0/26', '10.64.0.128/26']));
  expect(told).toBe(2);
});

test('a block that another node takes over, or that is released, is this one’s no more', async () => {
  claim('10.64.0.0/26');
  claim('10.64.0.64/26');
  await eventually(() => expect(destinations()).toHaveLength(2));
  claim('10.64.0.0/26', 'there');
  datastore.write({ kind: 'delete', key: aBlockRecord('10.64.0.64/26', '').key });
  await eventually(() => expect(destinations()).toEqual([]));
});
