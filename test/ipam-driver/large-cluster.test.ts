import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Block, BlockRecord, blockKey } from '../../src/model/block.js';
import { parseCidr } from '../../src/model/cidr.js';
import { HandleRecord, handleKey } from '../../src/model/handle.js';
import { parseHandleId, parseNodeName } from '../../src/model/ids.js';
import { parseReferenceId, SubnetHoldRecord, subnetHoldKey } from '../../src/model/subnet.js';
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

/** As every node of the cluster has, which is on the network: with its gateway. */
function putHold(name: string): void {
  const [subnet, holder] = [parseCidr(SUBNET), parseNodeName(name)];
  const reservations = [{ address: ip('10.80.255.1'), purpose: 'gateway' as const }];
  const reference = { id: parseReferenceId('0123456789ab'), requestedAt: '2026-01-01T00:00:00.000Z', reservations };
  const value = SubnetHoldRecord.encode({ subnet, node: holder, references: [reference] });
  cluster.datastore.put(subnetHoldKey(subnet, holder), value);
}

describe('a network that others are on too', () => {
  /** Its gateway, one address, and both given up with the network. */
  const comeAndGo = async (): Promise<void> => {
    await node.requestGateway(pool, '10.80.255.1');
    await node.requestAddress(pool);
    listed.length = 0;
    await node.releasePool(pool);
  };
  const stateOf = async (address: string) => (await node.ipam.admin.show(ip(address))).is.state;

  test('is left without reading the list of blocks or of holders, and its gateway stays', async () => {
    for (let n = 0; n < 20; n++) putHold(`n${n}`);
    await comeAndGo();
    expect(listed).toEqual([]);
    expect(await stateOf('10.80.255.1')).toBe('reserved');
    expect(await blocksOf('alpha')).toEqual([]);
    const block = await cluster.datastore.get(blockKey(parseCidr(SUBNET), parseCidr('10.80.255.0/26')));
    expect(block?.value).toContain('"ending":false');
  });

  test('all are asked where those that are asked first do not hold it', async () => {
    putHold('n2000');
    await comeAndGo();
    expect(listed).toContain(`${BLOCKS}10.80.0.0-12/`);
    expect(await stateOf('10.80.255.1')).toBe('reserved');
  });
});

test('a node that is gone for good is removed without reading what others have', async () => {
  for (let n = 0; n < 20; n++) putHold(`n${n}`);
  const [cidr, subnet, handle] = [parseCidr('10.80.1.64/26'), parseCidr(SUBNET), parseHandleId('e5'.padEnd(64, '0'))];
  const allocation = { state: 'bound', node: parseNodeName('n5'), handle, since: '', released: false } as const;
  putBlock({ cidr, subnet, node: parseNodeName('n5'), cooling: [], allocations: new Map([[3, allocation]]) });
  const value = HandleRecord.encode({ id: handle, node: parseNodeName('n5'), addresses: [ip('10.80.1.67')] });
  cluster.datastore.put(handleKey(handle), value);
  listed.length = 0;
  expect(await node.ipam.admin.releaseNode(parseNodeName('n5'))).toBe(1);
  expect(listed).toEqual(['/corduroy/v1/subnet/']);
  expect(await cluster.datastore.get(handleKey(handle))).toBeUndefined();
  expect(await blocksOf('n5')).toEqual([]);
  expect(await cluster.datastore.get(subnetHoldKey(subnet, parseNodeName('n5')))).toBeUndefined();
});
