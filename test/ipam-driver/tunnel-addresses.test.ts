import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseCidr } from '../../src/model/cidr.js';
import { parseNetworkName, parseNodeName } from '../../src/model/ids.js';
import { type Network, NetworkRecord, networkKey } from '../../src/model/network.js';
import { NodeRecord, nodeKey } from '../../src/model/node.js';
import { aCluster, ip, type TestCluster, type TestNode } from '../builders/ipam.js';

const POOL = '10.64.0.0/12';
const POOL6 = 'fd80:c0de::/48';
const VXLAN = { kind: 'vxlan', crossSubnet: false } as const;

let cluster: TestCluster;
let alpha: TestNode;

beforeEach(async () => {
  cluster = aCluster();
  alpha = await registered('alpha');
  await alpha.ipam.ensureDefaultPools([parseCidr(POOL), parseCidr(POOL6)]);
});
afterEach(() => cluster.close());

async function registered(name: string, options: { readonly labels?: readonly string[] } = {}): Promise<TestNode> {
  const node = await cluster.node(name, options);
  const value = { name: parseNodeName(name), labels: {}, version: '1', startedAt: '2026-01-01T00:00:00.000Z' };
  await put(node, nodeKey(value.name), NodeRecord.encode(value));
  return node;
}

const put = (node: TestNode, key: string, value: string) =>
  node.cluster.transact({ compares: [], writes: [{ kind: 'put', key, value }] });

/** With a network's subnet, as docker network create makes it. @returns the pool id */
async function network(node: TestNode, name: string, subnet: string, fields: Partial<Network> = {}): Promise<string> {
  const { PoolID } = await node.requestPool({ Pool: subnet, V6: subnet.includes(':') });
  await node.makeNetwork(name, subnet);
  const made = node.cluster.networks.get(parseNetworkName(name))?.value;
  if (made === undefined) throw new Error(`no network ${name}`);
  await put(node, networkKey(made.name), NetworkRecord.encode({ ...made, ...fields }));
  return PoolID;
}

const encapsulate = (pool: string, encapsulation: typeof VXLAN | { readonly kind: 'none' } = VXLAN) =>
  alpha.ipam.admin.setPool(pool, { encapsulation });
const settle = async (node: TestNode): Promise<readonly string[]> => (await node.ipam.tunnels.settle()).addresses;
const recorded = ({ cluster: view, name }: TestNode): readonly (string | undefined)[] => {
  const node = view.nodes.get(parseNodeName(name))?.value;
  return [node?.tunnelIp, node?.tunnelIp6];
};
const stateOf = async (address: string) => (await alpha.ipam.admin.show(ip(address))).is;
const problems = async () =>
  (await alpha.ipam.admin.check({ repair: false })).findings.map(({ kind, subject }) => `${kind} ${subject}`);

describe('a node has a tunnel address', () => {
  test('of each family in which a network is in an encapsulated pool, and none before', async () => {
    expect(alpha.ipam.tunnels.isSettled()).toBe(true);
    await encapsulate(POOL);
    expect(await settle(alpha)).toEqual([]);
    await network(alpha, 'web', '10.64.9.0/24');
    expect(alpha.ipam.tunnels.isSettled()).toBe(false);
    const [address = ''] = await settle(alpha);
    expect(address).toMatch(/^10\.64\.9\.(63|127|191|255)$/);
    expect([recorded(alpha), alpha.ipam.tunnels.isSettled()]).toEqual([[address, undefined], true]);

    await encapsulate(POOL6);
    await network(alpha, 'six', 'fd80:c0de:0:9::/64');
    const both = await settle(alpha);
    expect(both).toEqual([address, expect.stringMatching(/^fd80:c0de:0:9:/)]);
    expect(recorded(alpha)).toEqual(both);
  });

  test('of its own, which it keeps over restarts, which is no finding, and which nobody frees', async () => {
    await encapsulate(POOL);
    await network(alpha, 'web', '10.64.9.0/24');
    const [own = ''] = await settle(alpha);
    const beta = await registered('beta');
    const [other = ''] = await settle(beta);
    expect(new Set([own, other]).size).toBe(2);
    const writes = cluster.datastore.transactionCount;
    const restarted = await cluster.node('alpha');
    expect(await settle(restarted)).toEqual([own]);
    expect(cluster.datastore.transactionCount).toBe(writes);

    cluster.clock.advance(3_600_000);
    for (const node of [alpha, beta])
      for (let n = 0; n < 3; n++) {
        await node.ipam.reclaim.reclaim([]);
        cluster.clock.advance(60_000);
      }
    expect([(await stateOf(own)).state, (await stateOf(other)).state]).toEqual(['bound', 'bound']);
    expect(await problems()).toEqual([]);
  });

  test('again the same one, after an older version wrote the record without it', async () => {
    await encapsulate(POOL);
    await network(alpha, 'web', '10.64.9.0/24');
    const [address] = await settle(alpha);
    await registered('alpha');
    expect([recorded(alpha), alpha.ipam.tunnels.isSettled()]).toEqual([[undefined, undefined], false]);
    expect(await settle(alpha)).toEqual([address]);
    expect(recorded(alpha)).toEqual([address, undefined]);
  });

  test('also where one network has the whole pool, and where it has no network itself', async () => {
    await alpha.ipam.admin.addPools([{ cidr: parseCidr('10.90.0.0/24'), encapsulation: VXLAN }]);
    await network(alpha, 'whole', '10.90.0.0/24');
    const beta = await registered('beta');
    for (const node of [alpha, beta]) expect(await settle(node)).toEqual([expect.stringMatching(/^10\.90\.0\./)]);
  });

  test('of the largest subnet, with IPIP too', async () => {
    await alpha.ipam.admin.setPool(POOL, { encapsulation: { ...VXLAN, kind: 'ipip' } });
    await network(alpha, 'small', '10.64.1.0/28');
    await network(alpha, 'large', '10.64.8.0/22');
    expect(await settle(alpha)).toEqual([expect.stringMatching(/^10\.64\.(8|9|10|11)\./)]);
  });

  test('of no internal network, of none with Docker’s addresses, and of no pool whose selector leaves it out', async () => {
    await encapsulate(POOL);
    await network(alpha, 'inside', '10.64.1.0/24', { internal: true });
    await network(alpha, 'theirs', '10.64.2.0/24', { ipam: 'docker' });
    expect(await alpha.ipam.tunnels.settle()).toEqual({ addresses: [], findings: [] });
    await network(alpha, 'web', '10.64.9.0/24');
    await alpha.ipam.admin.setPool(POOL, { nodeSelector: 'ssd' });
    expect(await alpha.ipam.tunnels.settle()).toEqual({ addresses: [], findings: [] });
    expect(await settle(await registered('beta', { labels: ['ssd'] }))).toHaveLength(1);
  });
});

describe('no container gets it', () => {
  test('by name, and the message tells whose it is', async () => {
    await encapsulate(POOL);
    const pool = await network(alpha, 'web', '10.64.9.0/24');
    const [address = ''] = await settle(alpha);
    await expect(alpha.requestAddress(pool, address, 'c')).rejects.toThrow(/it is the tunnel address of node alpha; /);
    await expect(alpha.ipam.admin.release(ip(address))).rejects.toThrow(/it is the tunnel address of node alpha; /);
  });

  test('by chance, until nothing else is left', async () => {
    await encapsulate(POOL);
    const pool = await network(alpha, 'web', '10.64.9.0/28');
    const [address = ''] = await settle(alpha);
    const given: string[] = [];
    for (let n = 0; n < 13; n++) given.push(ip(await alpha.requestAddress(pool)));
    await expect(alpha.requestAddress(pool)).rejects.toThrow(/no address is free/);
    expect(given).not.toContain(address);
  });

  test('but the rest of its block goes to a node that has containers', async () => {
    await encapsulate(POOL);
    await network(alpha, 'web', '10.64.9.0/26');
    await settle(alpha);
    const beta = await registered('beta');
    const pool = await network(beta, 'web', '10.64.9.0/26');
    cluster.clock.advance(120_000);
    await alpha.ipam.admin.configure({ strictAffinity: true });
    await beta.requestAddress(pool);
    expect(await alpha.ipam.admin.blocks()).toMatchObject([{ node: 'beta', usage: { assigned: 2n, borrowed: 1n } }]);
  });
});

describe('it is given up', () => {
  test.each([
    ['encapsulation', () => encapsulate(POOL, { kind: 'none' }).then(() => {})],
    ['network', (pool: string) => endOf('web', pool)],
  ])('with the %s, and then cools down', async (_, end) => {
    await encapsulate(POOL);
    const pool = await network(alpha, 'web', '10.64.9.0/24');
    const [address = ''] = await settle(alpha);
    await end(pool);
    expect(alpha.ipam.tunnels.isSettled()).toBe(false);
    expect([await settle(alpha), recorded(alpha)]).toEqual([[], [undefined, undefined]]);
    expect((await stateOf(address)).state).toMatch(/cooling|outside/);
    expect(await problems()).toEqual([]);
  });

  test('for one of another network, if there is any', async () => {
    await encapsulate(POOL);
    const pool = await network(alpha, 'large', '10.64.8.0/22');
    const [former] = await settle(alpha);
    await network(alpha, 'small', '10.64.1.0/24');
    expect(await settle(alpha)).toEqual([former]);
    await endOf('large', pool);
    expect(await settle(alpha)).toEqual([expect.stringMatching(/^10\.64\.1\./)]);
  });

  test('with the pool, which it does not keep from being removed', async () => {
    await alpha.ipam.admin.addPools([{ cidr: parseCidr('10.90.0.0/24'), encapsulation: VXLAN }]);
    const pool = await network(alpha, 'whole', '10.90.0.0/24');
    await settle(alpha);
    await endOf('whole', pool);
    await alpha.ipam.admin.removePools(['10.90.0.0/24']);
    expect([await settle(alpha), recorded(alpha)]).toEqual([[], [undefined, undefined]]);
    expect(await problems()).toEqual([]);
  });

  test('with the node', async () => {
    await encapsulate(POOL);
    await network(alpha, 'web', '10.64.9.0/24');
    const [address = ''] = await settle(await registered('beta'));
    expect(await alpha.ipam.admin.releaseNode(parseNodeName('beta'))).toBe(1);
    expect((await stateOf(address)).state).toBe('cooling');
    expect(await problems()).toEqual([]);
  });

  async function endOf(name: string, pool: string): Promise<void> {
    await alpha.cluster.transact({
      compares: [],
      writes: [{ kind: 'delete', key: networkKey(parseNetworkName(name)) }],
    });
    await alpha.releasePool(pool);
  }
});

describe('why there is none is told, and it comes when it can', () => {
  test('a full network', async () => {
    const pool = await network(alpha, 'web', '10.64.9.0/29');
    const given: string[] = [];
    for (let n = 0; n < 6; n++) given.push(ip(await alpha.requestAddress(pool)));
    await encapsulate(POOL);
    const { addresses, findings } = await alpha.ipam.tunnels.settle();
    expect([addresses, findings]).toEqual([
      [],
      [
        {
          kind: 'no-tunnel-address',
          subject: 'IPv4',
          message: expect.stringMatching(
            /^this host itself does not reach .*: no address is free in 10\.64\.9\.0\/29: /,
          ),
        },
      ],
    ]);
    expect(alpha.ipam.tunnels.isSettled()).toBe(false);
    await alpha.releaseAddress(pool, given[0] ?? '');
    cluster.clock.advance(60_000);
    expect(await alpha.ipam.tunnels.settle()).toEqual({ addresses: [given[0]], findings: [] });
  });

  test('a disabled pool', async () => {
    await encapsulate(POOL);
    await network(alpha, 'web', '10.64.9.0/24');
    await alpha.ipam.admin.setPool(POOL, { disabled: true });
    const { findings } = await alpha.ipam.tunnels.settle();
    expect(findings).toMatchObject([
      { message: expect.stringMatching(/disabled; enable one with "corduroy pool set/) },
    ]);
  });

  test('a datastore that is away leaves all as it is', async () => {
    await encapsulate(POOL);
    await network(alpha, 'web', '10.64.9.0/24');
    const [address] = await settle(alpha);
    cluster.datastore.goAway();
    await expect(settle(alpha)).rejects.toThrow(/does not answer/);
    expect([recorded(alpha), alpha.ipam.tunnels.isSettled()]).toEqual([[address, undefined], true]);
  });
});
