import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type Block, BlockRecord, blockKey } from '../../src/model/block.js';
import { parseCidr } from '../../src/model/cidr.js';
import { parseNodeName } from '../../src/model/ids.js';
import { aCluster, ip, type TestCluster, type TestNode } from '../builders/ipam.js';

/** What a node reads of a cluster in which other nodes have thousands of blocks. */
let cluster: TestCluster;
let node: TestNode;
let pool: string;
let listed: string[];

const SUBNET = '10.80.0.0/12';
const BLOCKS = '/corduroy/v1/block/';
/** Of 16,384 in the subnet; few enough to be made for each test, and more than are looked at in whole. */
const FOREIGN_BLOCKS = 2_100;

const putBlock = (block: Block): void =>
  cluster.datastore.put(blockKey(block.subnet, block.cidr), BlockRecord.encode(block));

beforeEach(async () => {
  cluster = aCluster();
  const subnet = parseCidr(SUBNET);
  for (let n = 0; n < FOREIGN_BLOCKS; n++) {
    const cidr = parseCidr(`10.${80 + (n >> 10)}.${(n >> 2) & 255}.${(n & 3) * 64}/26`);
    putBlock({ cidr, subnet, node: parseNodeName(`n${n}`), cooling: [], allocations: new Map() });
  }
  listed = [];
  const list = cluster.datastore.list.bind(cluster.datastore);
  cluster.datastore.list = (prefix) => {
    listed.push(prefix);
    return list(prefix);
  };
  node = await cluster.node('alpha');
  await node.ipam.admin.addPools([{ cidr: subnet, networkPrefix: 12 }]);
  pool = (await node.requestPool({ Pool: SUBNET })).PoolID;
  await node.makeNetwork('web', SUBNET);
  listed.length = 0;
});
afterEach(() => cluster.close());

const blocksOf = async (name: string) =>
  (await node.ipam.admin.blocks()).filter((block) => block.node === name).map(({ cidr }) => cidr);

test('a node claims blocks, fills them and claims more without reading the list of all', async () => {
  for (let n = 0; n < 70; n++) await node.requestAddress(pool);
  expect(listed.filter((prefix) => prefix.startsWith(BLOCKS))).toEqual([]);
  expect(await blocksOf('alpha')).toHaveLength(2);
});

test('so it does where all blocks around its own are other nodes’', async () => {
  putBlock({
    cidr: parseCidr('10.80.4.0/26'),
    subnet: parseCidr(SUBNET),
    node: parseNodeName('alpha'),
    cooling: [],
    allocations: new Map(),
  });
  for (let n = 0; n < 70; n++) await node.requestAddress(pool);
  expect(listed.filter((prefix) => prefix.startsWith(BLOCKS))).toEqual([]);
  expect(await blocksOf('alpha')).toHaveLength(2);
});

test('after a restart it goes on in its block, and does not read the list of all', async () => {
  const first = ip(await node.requestAddress(pool));
  const again = await cluster.node('alpha');
  listed.length = 0;
  const second = ip(await again.requestAddress(pool));
  expect(second.split('.').slice(0, 3)).toEqual(first.split('.').slice(0, 3));
  expect(listed.filter((prefix) => prefix.startsWith(BLOCKS))).toEqual([]);
  expect(await blocksOf('alpha')).toHaveLength(1);
});

test('the most blocks of a host are counted without the list of all', async () => {
  await node.ipam.admin.configure({ maxBlocksPerHost: 1 });
  for (let n = 0; n < 64; n++) await node.requestAddress(pool);
  expect(listed.filter((prefix) => prefix.startsWith(BLOCKS))).toEqual([]);
  // Now it borrows: of which of the others' blocks, the list of all tells.
  await node.requestAddress(pool);
  expect(await blocksOf('alpha')).toHaveLength(1);
});

test('its leaked addresses are found, borrowed ones too, and only its own blocks are read for it', async () => {
  await node.ipam.admin.configure({ maxBlocksPerHost: 1 });
  const own = ip(await node.requestAddress(pool));
  for (let n = 1; n < 64; n++) await node.bind(await node.requestAddress(pool), `e${n}`.padEnd(64, '0'));
  const borrowed = ip(await node.requestAddress(pool));
  cluster.clock.advance(10 * 60_000 + 1);
  listed.length = 0;
  const { addresses } = await node.ipam.reclaim.reclaim(undefined);
  expect(addresses.toSorted()).toEqual([own, borrowed].toSorted());
  expect(listed.filter((prefix) => prefix.startsWith(BLOCKS))).toEqual([]);
});

test('who holds what is read at the first look and then once an hour, and a bad block is told', async () => {
  cluster.datastore.put(`${BLOCKS}10.80.0.0-12/10.80.0.0-26`, '{"broken":');
  await node.ipam.reclaim.reclaim([]);
  await node.ipam.reclaim.reclaim([]);
  expect(listed).toEqual(['/corduroy/v1/subnet/', '/corduroy/v1/subnethold/']);
  expect(node.ipam.admin.badRecords().map(({ key }) => key)).toEqual([`${BLOCKS}10.80.0.0-12/10.80.0.0-26`]);
  cluster.clock.advance(3_600_000);
  await node.ipam.reclaim.reclaim([]);
  expect(listed).toHaveLength(4);
});
