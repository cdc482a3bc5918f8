import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseCidr } from '../../src/model/cidr.js';
import { parseNetworkName } from '../../src/model/ids.js';
import { type Network, NetworkRecord, networkKey } from '../../src/model/network.js';
import { aCluster, ip, type TestCluster, type TestNode } from '../builders/ipam.js';

/** How nodes share a subnet: claims, borrowing, and blocks that pass from one to the other. */
let cluster: TestCluster;

beforeEach(() => {
  cluster = aCluster();
});
afterEach(() => cluster.close());

interface Member {
  readonly node: TestNode;
  readonly pool: string;
  take(count?: number): Promise<string[]>;
}

/** Nodes with a network on one pool that they share, of blocks of four addresses. */
async function membersOf(subnet: string, names: readonly string[], blockSize = 30): Promise<Member[]> {
  const members: Member[] = [];
  for (const name of names) {
    const node = await cluster.node(name);
    if (members.length === 0) await node.ipam.admin.addPools([{ cidr: parseCidr(subnet), blockSize }]);
    while (node.cluster.pools.size === 0) await Promise.resolve();
    const pool = (await node.requestPool({ Pool: subnet })).PoolID;
    const take = async (count = 1): Promise<string[]> => {
      const taken: string[] = [];
      for (let n = 0; n < count; n++) taken.push(ip(await node.requestAddress(pool)));
      return taken;
    };
    members.push({ node, pool, take });
  }
  return members;
}

async function two(subnet: string, blockSize = 30): Promise<[Member, Member]> {
  const [a, b] = await membersOf(subnet, ['a', 'b'], blockSize);
  if (a === undefined || b === undefined) throw new Error('two nodes are expected');
  return [a, b];
}

const affinities = async ({ node }: Member): Promise<Record<string, string | undefined>> =>
  Object.fromEntries((await node.ipam.admin.blocks()).map((block) => [block.cidr, block.node]));
const borrowedBy = async ({ node }: Member): Promise<bigint> =>
  (await node.ipam.admin.blocks()).reduce((sum, { usage }) => sum + usage.borrowed, 0n);
const release = async ({ node, pool }: Member, addresses: readonly string[]): Promise<void> => {
  for (const address of addresses) await node.releaseAddress(pool, address);
};

describe('strict affinity', () => {
  test('is in force from the next decision on, on every node, and what was borrowed stays', async () => {
    const [a, b] = await two('10.80.0.0/29', 29);
    await a.take(1);
    const [borrowed] = await b.take(1);
    await a.node.ipam.admin.configure({ strictAffinity: true });
    await expect(b.take(1)).rejects.toThrow(/or see "corduroy ipam configure"$/);
    await b.node.ipam.admin.configure({ strictAffinity: false });
    await b.take(1);
    await a.node.ipam.admin.configure({ strictAffinity: true });
    expect((await a.node.ipam.admin.show(ip(borrowed ?? ''))).is.state).toBe('unbound');
  });

  test("an address of another node's block is refused even by name, and the way out is told", async () => {
    const [a, b] = await two('10.80.0.0/30');
    await a.take(1);
    await a.node.ipam.admin.configure({ strictAffinity: true });
    await expect(b.node.requestAddress(b.pool, '10.80.0.3', 'c')).rejects.toThrow(
      /its block 10\.80\.0\.0\/30 belongs to node a, and strict affinity is on; .*"corduroy ipam configure --strict-affinity false"/,
    );
    await a.node.ipam.admin.configure({ strictAffinity: false });
    expect(await b.node.requestAddress(b.pool, '10.80.0.3', 'c')).toBe('10.80.0.3/32');
  });

  test('switched on while a request is being decided: the request is decided again', async () => {
    const [a, b] = await two('10.80.0.0/30');
    await a.take(1);
    cluster.datastore.beforeNextTransaction(() => a.node.ipam.admin.configure({ strictAffinity: true }));
    await expect(b.take(1)).rejects.toThrow("in other nodes' blocks");
    expect(await borrowedBy(a)).toBe(0n);
  });
});

describe('the most blocks that a node may have', () => {
  test('are claimed, and then it borrows', async () => {
    const [a, b] = await two('10.80.0.0/28');
    await a.node.ipam.admin.configure({ maxBlocksPerHost: 1 });
    await b.take(1);
    await a.take(5);
    expect(Object.values(await affinities(a)).sort()).toEqual(['a', 'b']);
    expect(await borrowedBy(a)).toBeGreaterThan(0n);
  });

  test('with strict affinity the request fails with the number, and goes on when there is no limit', async () => {
    const [a] = await two('10.80.0.0/28');
    await a.node.ipam.admin.configure({ maxBlocksPerHost: 1, strictAffinity: true });
    await expect(a.take(6)).rejects.toThrow('in no block while this node has 1, its most');
    await a.node.ipam.admin.configure({ maxBlocksPerHost: null });
    await a.take(6);
    expect(await a.node.ipam.admin.settings()).toEqual({ strictAffinity: true });
  });

  test('an address named in a block that nobody has does not make it one more', async () => {
    const [a] = await two('10.80.0.0/28');
    await a.node.ipam.admin.configure({ maxBlocksPerHost: 1 });
    const [first] = await a.take(1);
    const elsewhere = first?.startsWith('10.80.0.1') ? '10.80.0.6' : '10.80.0.14';
    await a.node.requestAddress(a.pool, elsewhere, 'c');
    expect(Object.values(await affinities(a)).sort()).toEqual(['a', undefined]);
  });
});

describe('a block that another node has left empty', () => {
  const whole = async (): Promise<[Member, Member, string[]]> => {
    const [a, b] = await two('10.80.0.0/30');
    await a.node.requestGateway(a.pool);
    const taken = await a.take(2);
    return [a, b, taken];
  };

  test('is taken over when there is no other, its cool-down over, with the gateway that is reserved in it', async () => {
    const [a, b, taken] = await whole();
    await release(a, taken);
    cluster.clock.advance(60_000);
    await b.take(1);
    expect(await affinities(b)).toEqual({ '10.80.0.0/30': 'b' });
    expect((await b.node.ipam.admin.show(ip('10.80.0.1'))).is.state).toBe('reserved');
  });

  test.each([
    ['an address of it is in use', 60_000, 1],
    ['what was in it still cools down', 29_999, 2],
  ])('is not while %s', async (_name, ms, released) => {
    const [a, b, taken] = await whole();
    cluster.clock.advance(60_000);
    await release(a, taken.slice(0, released));
    cluster.clock.advance(ms);
    await b.take(1).catch(() => undefined);
    expect(await affinities(b)).toEqual({ '10.80.0.0/30': 'a' });
  });

  test('is not within a minute of its claim', async () => {
    const [a, b] = await two('10.80.0.0/30');
    await a.node.requestGateway(a.pool);
    cluster.clock.advance(59_999);
    await b.take(1);
    expect(await affinities(b)).toEqual({ '10.80.0.0/30': 'a' });
    cluster.clock.advance(1);
    const [borrowed] = [...(await b.take(1))];
    expect(borrowed).toBeDefined();
    // An address of it is in use now: borrowed, by the very node that wanted it.
    expect(await affinities(b)).toEqual({ '10.80.0.0/30': 'a' });
  });

  test('is not if its node assigns from it at that moment: both get an address, and the block stays', async () => {
    const [a, b, taken] = await whole();
    await release(a, taken);
    cluster.clock.advance(60_000);
    let other: string[] = [];
    cluster.datastore.beforeNextTransaction(async () => {
      other = await a.take(1);
    });
    const mine = await b.take(1);
    expect(mine).not.toEqual(other);
    expect(await affinities(b)).toEqual({ '10.80.0.0/30': 'a' });
    expect(await borrowedBy(b)).toBe(1n);
  });

  test('is not while a block of the subnet is unclaimed', async () => {
    const [a, b] = await two('10.80.0.0/29');
    await release(a, await a.take(1));
    cluster.clock.advance(60_000);
    await b.take(1);
    expect(Object.values(await affinities(b)).sort()).toEqual(['a', 'b']);
  });

  test('its node, which still believes to have it, goes on with another', async () => {
    const [a, b] = await two('10.80.0.0/29');
    await release(a, await a.take(1));
    cluster.clock.advance(60_000);
    await b.take(6);
    expect(Object.values(await affinities(b))).toEqual(['b', 'b']);
    await release(b, ['10.80.0.2']);
    cluster.clock.advance(30_000);
    expect(await a.take(1)).toEqual(['10.80.0.2']);
    expect(await borrowedBy(a)).toBe(1n);
  });
});

describe('a freed address whose time is not up', () => {
  test('is used by the node that had it if there is no other, since its kernel can tell', async () => {
    const [a] = await two('10.80.0.0/30');
    const taken = await a.take(2);
    await release(a, taken.slice(0, 1));
    expect(await a.take(1)).toEqual(taken.slice(0, 1));
  });

  test('is not by another node: no kernel there can tell', async () => {
    const [a, b] = await two('10.80.0.0/30');
    const taken = await a.take(2);
    await release(a, taken.slice(0, 1));
    await expect(b.take(1)).rejects.toThrow('1 cool down after their release');
    cluster.clock.advance(30_000);
    expect(await b.take(1)).toEqual(taken.slice(0, 1));
  });
});

describe('claims', () => {
  test('many requests of one node at once fill one block before the next is claimed', async () => {
    const [a] = await two('10.80.0.0/28');
    await Promise.all(Array.from({ length: 4 }, () => a.take(1)));
    const blocks = await a.node.ipam.admin.blocks();
    expect(blocks.filter(({ usage }) => usage.assigned > 0n).length).toBeLessThanOrEqual(2);
  });

  test('each node of many at once gets a block of its own while there are any', async () => {
    const names = Array.from({ length: 16 }, (_, n) => `node-${n}`);
    const members = await membersOf('10.80.0.0/26', names);
    const taken = await Promise.all(members.map((member) => member.take(1)));
    expect(new Set(taken.flat()).size).toBe(16);
    expect(await borrowedBy(members[0] as Member)).toBe(0n);
    expect(new Set(Object.values(await affinities(members[0] as Member))).size).toBe(16);
  });

  test('a block of a name of 128 letters, and blocks of one address and of 4096', async () => {
    const long = 'n'.repeat(128);
    const [tiny] = await membersOf('10.80.0.0/29', [long], 32);
    await tiny?.take(6);
    expect(new Set(Object.values(await affinities(tiny as Member)))).toEqual(new Set([long]));
    await tiny?.node.ipam.admin.addPools([{ cidr: parseCidr('10.96.0.0/19'), blockSize: 20 }]);
    const big = (await tiny?.node.requestPool({ Pool: '10.96.0.0/19' }))?.PoolID ?? '';
    await tiny?.node.requestAddress(big);
    expect(Object.keys(await affinities(tiny as Member))).toContainEqual(expect.stringMatching(/^10\.96\.\d+\.0\/20$/));
  });
});

test('a late release by a node that was removed does not take the address from who has it now', async () => {
  const [a, b] = await two('10.80.0.0/30');
  const [old] = await a.take(1);
  await a.node.ipam.admin.releaseNode('a' as never);
  cluster.clock.advance(60_000);
  expect(await b.take(2)).toContain(old);
  await a.node.releaseAddress(a.pool, old ?? '');
  expect((await b.node.ipam.admin.show(ip(old ?? ''))).is).toMatchObject({ state: 'unbound', node: 'b' });
});

test('a late release by a node whose address was freed and given to another does not take it from that one', async () => {
  const [a, b] = await two('10.80.0.0/30');
  const [address] = await a.take(1);
  await a.node.makeNetwork('web', '10.80.0.0/30');
  cluster.clock.advance(601_000);
  expect((await a.node.ipam.reclaim.reclaim(undefined)).addresses).toEqual([address]);
  cluster.clock.advance(30_000);
  const [, theirs] = await b.take(2);
  await a.node.releaseAddress(a.pool, theirs ?? '');
  await a.node.releaseAddress(a.pool, address ?? '');
  for (const one of ['10.80.0.2', '10.80.0.3'])
    expect((await b.node.ipam.admin.show(ip(one))).is).toMatchObject({ state: 'unbound', node: 'b' });
});

test("a subnet of Swarm's is kept while no node has it, and given again to a node that lost its network", async () => {
  const [one, other] = [await cluster.node('one'), await cluster.node('other')];
  await one.ipam.ensureDefaultPools([parseCidr('10.64.0.0/12')]);
  const network: Network = {
    name: parseNetworkName('shop'),
    subnets: [{ cidr: parseCidr('10.64.0.0/24') }],
    ipam: 'corduroy',
    internal: false,
    options: { profiles: [], publish: 'allow' },
    swarm: true,
  };
  cluster.datastore.put(networkKey(network.name), NetworkRecord.encode(network));
  while (one.cluster.networks.size + other.cluster.networks.size < 2) await Promise.resolve();
  expect((await other.requestPool({})).Pool).toBe('10.64.1.0/24');
  await expect(other.requestPool({ Pool: '10.64.0.0/25' })).rejects.toThrow('overlaps subnet 10.64.0.0/24');
  const { PoolID } = await one.requestPool({ Pool: '10.64.0.0/24' });
  await one.requestGateway(PoolID);
  // Its power failed meanwhile: Docker asks as if for the first time.
  expect((await one.requestPool({ Pool: '10.64.0.0/24' })).PoolID).toBe(PoolID);
  await one.requestGateway(PoolID);
  expect((await other.requestPool({ Pool: '10.64.0.0/24' })).PoolID).not.toBe(PoolID);
});
