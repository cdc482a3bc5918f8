import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseCidr } from '../../src/model/cidr.js';
import { aCluster, ip, type TestCluster, type TestNode } from '../builders/ipam.js';

let cluster: TestCluster;
let node: TestNode;

beforeEach(async () => {
  cluster = aCluster();
  node = await cluster.node('alpha');
  await node.ipam.ensureDefaultPools([parseCidr('10.64.0.0/12'), parseCidr('fd80:c0de::/48')]);
});
afterEach(() => cluster.close());

const subnetOf = async (on: TestNode, request = {}): Promise<string> => (await on.requestPool(request)).Pool;
const recordsOf = (kind: string): string[] => [...cluster.datastore.contents(`/corduroy/v1/${kind}/`).keys()];

describe('default pools', () => {
  test('are made with the defaults of their family, and only where there is none', async () => {
    expect(await node.ipam.admin.pools()).toEqual([
      {
        cidr: '10.64.0.0/12',
        name: '10.64.0.0-12',
        blockSize: 26,
        networkPrefix: 24,
        encapsulation: { kind: 'none' },
        natOutgoing: true,
        disabled: false,
      },
      {
        cidr: 'fd80:c0de::/48',
        name: 'fd80:c0de::-48',
        blockSize: 122,
        networkPrefix: 64,
        encapsulation: { kind: 'none' },
        natOutgoing: false,
        disabled: false,
      },
    ]);
    expect(await node.ipam.ensureDefaultPools([parseCidr('10.128.0.0/16')])).toEqual([]);
  });

  test('are made once when two nodes start together', async () => {
    const fresh = aCluster();
    const [one, two] = [await fresh.node('one'), await fresh.node('two')];
    const made = await Promise.all([one, two].map((n) => n.ipam.ensureDefaultPools([parseCidr('10.64.0.0/12')])));
    expect(made.map((pools) => pools.length).sort()).toEqual([0, 1]);
    await fresh.close();
  });
});

describe('without --subnet', () => {
  test('each network gets the next free subnet, and a freed one is used again', async () => {
    const first = await node.requestPool();
    expect(await subnetOf(node)).toBe('10.64.1.0/24');
    await node.releasePool(first.PoolID);
    expect(await subnetOf(node)).toBe('10.64.0.0/24');
  });

  test('--ipam-opt pool=NAME chooses the pool, and an unknown one is refused with the list', async () => {
    await node.ipam.admin.addPools([{ cidr: parseCidr('10.200.0.0/16'), name: 'blue', networkPrefix: 20 }]);
    expect(await subnetOf(node, { Options: { pool: 'blue' } })).toBe('10.200.0.0/20');
    await expect(node.requestPool({ Options: { pool: 'green' } })).rejects.toThrow(
      'there is no pool "green": the pools are 10.64.0.0/12, blue (10.200.0.0/16), fd80:c0de::/48',
    );
    await expect(node.requestPool({ Options: { pool: 'blue' }, V6: true })).rejects.toThrow('has no IPv6 addresses');
    await expect(node.requestPool({ Options: { colour: 'blue' } })).rejects.toThrow(
      '--ipam-opt colour is not known; the only one is pool=NAME',
    );
  });

  test('0.0.0.0/20 and ::/80 ask for a size, as engines from 28 on do', async () => {
    expect(await subnetOf(node, { Pool: '0.0.0.0/20' })).toBe('10.64.0.0/20');
    expect(await subnetOf(node)).toBe('10.64.16.0/24');
    expect(await subnetOf(node, { Pool: '::/80', V6: true })).toBe('fd80:c0de::/80');
  });

  test('host routes and their subnets are leapt over', async () => {
    node.hostRoutes.push({ destination: parseCidr('10.64.0.0/20'), description: 'eth1' });
    expect(await subnetOf(node)).toBe('10.64.16.0/24');
  });

  test.each([
    ['127.9.0.0/24', '127.0.0.0/8 is for loopback'],
    ['169.254.0.0/16', "169.254.0.0/16 is link-local, and has the containers' gateways"],
    ['224.1.0.0/24', '224.0.0.0/4 is for multicast'],
    ['0.1.0.0/24', '0.0.0.0/8 means "this network"'],
    ['255.255.0.0/16', '255.255.255.255/32 is the broadcast address'],
    ['fe80::/64', "fe80::/10 is link-local, and has the containers' gateways"],
    ['ff02::/64', 'ff00::/8 is for multicast'],
  ])('--subnet %s is refused, and makes no pool: %s', async (Pool, why) => {
    const pools = await node.ipam.admin.pools();
    await expect(node.requestPool({ Pool, V6: Pool.includes(':') })).rejects.toThrow(
      `containers cannot have addresses of --subnet ${Pool}: ${why}; choose another, or leave --subnet out`,
    );
    await expect(node.ipam.admin.addPools([{ cidr: parseCidr(Pool) }])).rejects.toThrow(
      `${Pool} cannot be a pool: ${why}; use addresses of your own`,
    );
    expect(await node.ipam.admin.pools()).toEqual(pools);
  });

  test("Docker's overlap loop never sees a subnet twice, and ends when it stops rejecting", async () => {
    const offered = new Set<string>();
    for (let n = 0; n < 30; n++) offered.add(await subnetOf(node));
    expect(offered.size).toBe(30);
  });

  test('pools that are disabled or not for this node are passed over, and the last free subnet is the last', async () => {
    const own = aCluster();
    const alpha = await own.node('alpha', { labels: ['rack-1'] });
    await alpha.ipam.admin.addPools([
      { cidr: parseCidr('10.1.0.0/24'), disabled: true },
      { cidr: parseCidr('10.2.0.0/24'), nodeSelector: 'rack-2' },
      { cidr: parseCidr('10.3.0.0/24'), nodeSelector: 'rack-1' },
    ]);
    expect(await subnetOf(alpha)).toBe('10.3.0.0/24');
    await expect(alpha.requestPool()).rejects.toThrow(
      'no subnet is free for an IPv4 network: 10.3.0.0/24 has 1 subnets in use; add a pool with "corduroy pool add CIDR", or give --subnet',
    );
    await own.close();
  });
});

describe('with --subnet', () => {
  test('equal to a pool: networks share it, and the release of one leaves the other', async () => {
    await node.ipam.admin.addPools([{ cidr: parseCidr('10.200.0.0/24') }]);
    const one = await node.requestPool({ Pool: '10.200.0.0/24' });
    const two = await node.requestPool({ Pool: '10.200.0.0/24' });
    expect(await node.requestGateway(one.PoolID)).toBe('10.200.0.1/24');
    expect(await node.requestGateway(two.PoolID)).toBe('10.200.0.1/24');
    expect(await node.requestAddress(one.PoolID)).toBe('10.200.0.2/32');
    await node.releasePool(two.PoolID);
    await node.releasePool(two.PoolID);
    expect(await node.requestAddress(one.PoolID)).toBe('10.200.0.3/32');
    await expect(node.requestAddress(two.PoolID)).rejects.toThrow('is not known any more');
    expect((await node.ipam.admin.show(ip('10.200.0.1'))).is).toEqual({
      state: 'reserved',
      purpose: 'gateway',
      nodes: ['alpha'],
    });
  });

  test('inside a pool: for one network of the node, and for the same network of other nodes', async () => {
    const beta = await cluster.node('beta');
    const one = await node.requestPool({ Pool: '10.64.7.0/24' });
    await node.makeNetwork('web', '10.64.7.0/24');
    await node.requestGateway(one.PoolID);
    await expect(node.requestPool({ Pool: '10.64.7.0/24' })).rejects.toThrow(
      '--subnet 10.64.7.0/24 is in use on this node of network web; choose another subnet, or remove that network',
    );
    const other = await beta.requestPool({ Pool: '10.64.7.0/24' });
    expect(await beta.requestGateway(other.PoolID)).toBe('10.64.7.1/24');
    await node.releasePool(one.PoolID);
    await expect(beta.requestAddress(other.PoolID, '10.64.7.1', 'container')).rejects.toThrow("the network's gateway");
  });

  test('outside every pool: a pool is made of it, or it is refused with the list where that is off', async () => {
    expect(await subnetOf(node, { Pool: '172.30.0.0/16' })).toBe('172.30.0.0/16');
    expect((await node.ipam.admin.pools()).map(({ cidr }) => cidr)).toContain('172.30.0.0/16');
    const strict = await cluster.node('gamma', { settings: { autoPools: false } });
    await expect(strict.requestPool({ Pool: '172.31.0.0/16' })).rejects.toThrow(
      'no pool has 172.31.0.0/16: the pools are 10.64.0.0/12, 172.30.0.0/16, fd80:c0de::/48; add it with "corduroy pool add 172.31.0.0/16"',
    );
  });

  test.each([
    ['around a pool', { Pool: '10.0.0.0/8' }, 'overlaps pool 10.64.0.0-12 (10.64.0.0/12) without being inside it'],
    ['overlapping a subnet in use', { Pool: '10.64.50.0/25' }, 'overlaps subnet 10.64.50.0/24'],
    [
      'the whole pool while it has networks',
      { Pool: '10.64.0.0/12' },
      'is a pool that has networks with subnets of their own',
    ],
    ['over a host route', { Pool: '192.168.7.0/24' }, "overlaps this host's route to 192.168.0.0/16 (eth9)"],
    ['of one address', { Pool: '10.64.60.1/32' }, 'has one address, and a network needs two'],
    [
      'with a range outside',
      { Pool: '10.64.60.0/24', SubPool: '10.64.61.0/25' },
      'is not inside --subnet 10.64.60.0/24',
    ],
    ['with a range and no subnet', { SubPool: '10.64.61.0/25' }, 'needs a --subnet around it'],
    [
      'with another pool named',
      { Pool: '172.30.0.0/24', Options: { pool: '10.64.0.0-12' } },
      'is not inside pool 10.64.0.0-12',
    ],
  ])('%s: refused, and nothing changes', async (_name, request, message) => {
    await node.requestPool({ Pool: '10.64.50.0/24' });
    node.hostRoutes.push({ destination: parseCidr('192.168.0.0/16'), description: 'eth9' });
    const before = cluster.datastore.contents();
    await expect(node.requestPool(request)).rejects.toThrow(message);
    expect(cluster.datastore.contents()).toEqual(before);
  });
});

describe('the release of a pool', () => {
  test('drops the gateway and auxiliary addresses that Docker forgot, and leaves nothing', async () => {
    const before = recordsOf('').filter((key) => !key.includes('addressplan'));
    const { PoolID } = await node.requestPool({ Pool: '10.64.9.0/24' });
    await node.requestGateway(PoolID);
    await node.requestAddress(PoolID, '10.64.9.77');
    expect(recordsOf('block')).toHaveLength(2);
    await node.releasePool(PoolID);
    expect(recordsOf('').filter((key) => !key.includes('addressplan'))).toEqual(before);
  });

  test('keeps freed addresses cooling for a network that comes back at once', async () => {
    const first = await node.requestPool({ Pool: '10.64.9.0/28' });
    await node.requestGateway(first.PoolID);
    await node.requestAddress(first.PoolID);
    await node.releaseAddress(first.PoolID, '10.64.9.2');
    await node.releaseAddress(first.PoolID, '10.64.9.1');
    await node.releasePool(first.PoolID);
    const second = await node.requestPool({ Pool: '10.64.9.0/28' });
    expect(await node.requestGateway(second.PoolID)).toBe('10.64.9.1/28');
    expect(await node.requestAddress(second.PoolID)).toBe('10.64.9.3/32');
    await node.releasePool(second.PoolID);
    cluster.clock.advance(60_000);
    await node.ipam.reclaim.reclaim([]);
    expect([...recordsOf('subnet'), ...recordsOf('block')]).toEqual([]);
  });

  test("of one node leaves the other node's addresses, and gives up its blocks", async () => {
    const beta = await cluster.node('beta');
    const one = await node.requestPool({ Pool: '10.64.9.0/24' });
    const two = await beta.requestPool({ Pool: '10.64.9.0/24' });
    await node.requestGateway(one.PoolID);
    await beta.requestGateway(two.PoolID);
    const address = await beta.requestAddress(two.PoolID);
    await node.releasePool(one.PoolID);
    expect((await node.ipam.admin.blocks()).map((block) => block.node)).not.toContain('alpha');
    expect((await beta.ipam.admin.show(ip(address))).is).toMatchObject({ state: 'unbound', node: 'beta' });
    expect((await beta.ipam.admin.show(ip('10.64.9.1'))).is.state).toBe('reserved');
  });
});

test('two nodes that carve at the same moment get different subnets, and neither overlaps a third', async () => {
  const nodes = await Promise.all(['b', 'c', 'd'].map((name) => cluster.node(name)));
  const pools = await Promise.all([
    ...nodes.map((n) => subnetOf(n)),
    ...nodes.map((n, i) => subnetOf(n, { Pool: `0.0.0.0/${25 + i}` })),
  ]);
  expect(new Set(pools).size).toBe(6);
  expect((await node.ipam.admin.check({ repair: false })).findings).toEqual([]);
});

test('two nodes that ask at the same moment for subnets one inside the other: one is refused', async () => {
  const beta = await cluster.node('beta');
  const outcomes = await Promise.allSettled([
    node.requestPool({ Pool: '10.64.9.0/24' }),
    beta.requestPool({ Pool: '10.64.9.128/25' }),
  ]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
});
