import { expect, test } from '@jest/globals';
import { clusterTables, followedTogether } from '../../src/infrastructure/cluster-tables.js';
import { bytes, rangeOfAll } from '../../src/infrastructure/etcd/etcd-messages.js';
import { BlockRecord } from '../../src/model/block.js';

const tables = clusterTables(() => {});
const groups = followedTogether(tables);

test('every kind is followed, once', () => {
  const kinds = groups.flat();
  expect(new Set(kinds)).toEqual(new Set(Object.keys(tables)));
  expect(kinds).toHaveLength(new Set(kinds).size);
});

test('nobody who follows a group is sent blocks as well', () => {
  const block = bytes(BlockRecord.prefix);
  const sendsBlocks = groups.filter((kinds) => {
    const { key, range_end } = rangeOfAll(kinds.map((kind) => tables[kind].prefix));
    return Buffer.compare(key, block) <= 0 && Buffer.compare(block, range_end) < 0;
  });
  expect(sendsBlocks).toEqual([]);
});
