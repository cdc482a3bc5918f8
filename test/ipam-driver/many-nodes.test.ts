import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseCidr } from '../../src/model/cidr.js';
import { aCluster, ip, type TestCluster, type TestNode } from '../builders/ipam.js';

let cluster: TestCluster;

beforeEach(() => {
  cluster = aCluster();
});
afterEach(() => cluster.close());

async function nodesOn(subnet: string, names: readonly string[]): Promise<[TestNode, string][]> {
  const nodes = [];
  for (const name of names) nodes.push(await cluster.node(name));
  await nodes[0]?.ipam.admin.addPools([
    { cidr: parseCidr(subnet), blockSize: Math.max(26, Number(subnet.split('/')[1])) },
  ]);
  for (const node of nodes) while (node.cluster.pools.size === 0) await Promise.resolve();
  return Promise.all(
    nodes.map(async (n): Promise<[TestNode, string]> => [n, (await n.requestPool({ Pool: subnet })).PoolID]),
  );
}

describe('blocks', () => {
  test('each node assigns from a block of its own', async () => {
    const nodes = await nodesOn('10.80.0.0/16', ['a', 'b', 'c']);
    await Promise.all(nodes.flatMap(([n, id]) => Array.from({ length: 20 }, () => n.requestAddress(id))));
    const blocks = await cluster.node('x').then((x) => x.ipam.admin.blocks());
    expect(blocks.map(({ node, usage }) => [node, usage.assigned, usage.borrowed]).sort()).toEqual([
      ['a', 20n, 0n],
      ['b', 20n, 0n],
      ['c', 20n, 0n],
    ]);
  });

  test('many nodes race for the last block: one claims it, the others borrow', async () => {
    const nodes = await nodesOn('10.80.0.0/26', ['a', 'b', 'c', 'd', 'e']);
    const addresses = await Promise.all(nodes.map(([n, id]) => n.requestAddress(id)));
    expect(new Set(addresses).size).toBe(5);
    const blocks = await (await cluster.node('x')).ipam.admin.blocks();
    expect(blocks).toHaveLength(1);
    expect(blocks[0]?.usage).toMatchObject({ assigned: 5n, borrowed: 4n });
  });

  test('with strict affinity nobody borrows, and it can be told from the error', async () => {
    const nodes = await nodesOn('10.80.0.0/26', ['a', 'b']);
    await nodes[0]?.[0].ipam.admin.configure({ strictAffinity: true });
    const outcomes = await Promise.allSettled(nodes.map(([n, id]) => n.requestAddress(id)));
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const failed = outcomes.find((o): o is PromiseRejectedResult => o.status === 'rejected');
    expect(String(failed?.reason)).toContain("63 in other nodes' blocks");
  });

  test('a borrowed address that is freed cools down in the block it came from', async () => {
    const [one, two] = await nodesOn('10.80.0.0/28', ['a', 'b']);
    if (one === undefined || two === undefined) throw new Error('two nodes are expected');
    await one[0].requestAddress(one[1]);
    const borrowed = ip(await two[0].requestAddress(two[1]));
    await two[0].releaseAddress(two[1], borrowed);
    expect((await one[0].ipam.admin.show(borrowed)).is.state).toBe('cooling');
  });

  test('a node that knows a block from before learns what another did to it', async () => {
    const [one, two] = await nodesOn('10.80.0.0/29', ['a', 'b']);
    if (one === undefined || two === undefined) throw new Error('two nodes are expected');
    const given: string[] = [];
    for (let n = 0; n < 3; n++) for (const [node, id] of [one, two]) given.push(await node.requestAddress(id));
    expect(new Set(given).size).toBe(6);
    await expect(one[0].requestAddress(one[1])).rejects.toThrow('of 8, 6 are assigned');
  });
});

test('whatever nodes do at the same time, no address is held twice, and releasing all frees all', async () => {
  const step = fc.record({
    node: fc.nat(2),
    deed: fc.constantFrom('assign', 'assign', 'assign', 'name', 'free', 'bind'),
    pick: fc.nat(60),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { maxLength: 8 }), { maxLength: 12 }), async (rounds) => {
      await cluster.close();
      cluster = aCluster();
      const nodes = await nodesOn('10.80.0.0/27', ['a', 'b', 'c']);
      const held = new Map<string, { by: number; handle?: string }>();
      for (const round of rounds) {
        await Promise.all(
          round.map(async ({ node: n, deed, pick }) => {
            const [node, id] = nodes[n] ?? nodes[0] ?? [];
            if (node === undefined || id === undefined) return;
            const mine = [...held].filter(([, { by }]) => by === n);
            const [address, holding] = mine[pick % Math.max(1, mine.length)] ?? [];
            if (deed === 'assign' || deed === 'name') {
              const wanted = deed === 'name' ? `10.80.0.${pick % 32}` : '';
              const got = await node.requestAddress(id, wanted, 'c').then(ip, () => undefined);
              if (got === undefined) return;
              if (held.has(got)) throw new Error(`${got} is held twice`);
              held.set(got, { by: n });
            } else if (address !== undefined && holding !== undefined && deed === 'free') {
              held.delete(address);
              if (holding.handle !== undefined) await node.unbind(address, holding.handle);
              await node.releaseAddress(id, address);
            } else if (address !== undefined && holding !== undefined && holding.handle === undefined) {
              const handle = `e-${address}`;
              held.set(address, { by: n, handle });
              // Another of this round may free it meanwhile: then it is not there to bind, or is bound by whoever has it now.
              await node.bind(address, handle).catch(() => undefined);
            }
          }),
        );
      }
      for (const [address, { by, handle }] of held) {
        const [node, id] = nodes[by] ?? [];
        if (handle !== undefined) await node?.unbind(address, handle);
        await node?.releaseAddress(id ?? '', address);
      }
      const blocks = (await nodes[0]?.[0].ipam.admin.blocks()) ?? [];
      return blocks.every(({ usage }) => usage.assigned === 0n);
    }),
    { numRuns: 40 },
  );
});

describe('when the datastore fails', () => {
  test.each(['beforeCommit', 'afterCommit'] as const)(
    '%s: the request fails, and no address is given twice',
    async (when) => {
      const [one] = await nodesOn('10.80.0.0/26', ['a']);
      if (one === undefined) throw new Error('a node is expected');
      const [node, id] = one;
      const first = await node.requestAddress(id);
      cluster.datastore.failNext(when);
      await expect(node.requestAddress(id)).rejects.toThrow('the datastore in memory does not answer');
      const next = await node.requestAddress(id);
      expect(next).not.toBe(first);
      const assigned = (await node.ipam.admin.blocks())[0]?.usage.assigned;
      expect(assigned).toBe(when === 'beforeCommit' ? 2n : 3n);
      cluster.clock.advance(601_000);
      await node.makeNetwork('web', '10.80.0.0/26');
      const { addresses } = await node.ipam.reclaim.reclaim(undefined);
      expect(addresses).toHaveLength(when === 'beforeCommit' ? 2 : 3);
    },
  );

  test('a bind whose reply was lost can be done again', async () => {
    const [one] = await nodesOn('10.80.0.0/26', ['a']);
    if (one === undefined) throw new Error('a node is expected');
    const [node, id] = one;
    const address = await node.requestAddress(id);
    cluster.datastore.failNext('afterCommit');
    await expect(node.bind(address, 'endpoint')).rejects.toThrow('does not answer');
    await node.bind(address, 'endpoint');
    expect((await node.ipam.admin.show(ip(address))).is).toMatchObject({ state: 'bound', handle: 'endpoint' });
  });

  test('away: requests fail, and go on when it is back', async () => {
    const [one] = await nodesOn('10.80.0.0/26', ['a']);
    if (one === undefined) throw new Error('a node is expected');
    const [node, id] = one;
    cluster.datastore.goAway();
    await expect(node.requestAddress(id)).rejects.toThrow('does not answer');
    cluster.datastore.comeBack();
    expect(await node.requestAddress(id)).toMatch(/^10\.80\.0\.\d+\/32$/);
  });
});

test('requests in flight together share transactions', async () => {
  const [one] = await nodesOn('10.80.0.0/24', ['a']);
  if (one === undefined) throw new Error('a node is expected');
  const [node, id] = one;
  await node.requestAddress(id);
  const before = cluster.datastore.transactionCount;
  const addresses = await Promise.all(Array.from({ length: 48 }, () => node.requestAddress(id)));
  expect(new Set(addresses).size).toBe(48);
  expect(cluster.datastore.transactionCount - before).toBe(2);
});

test('writes alongside happen with the bind or not at all, and fail alone', async () => {
  const [one] = await nodesOn('10.80.0.0/24', ['a']);
  if (one === undefined) throw new Error('a node is expected');
  const [node, id] = one;
  const addresses = await Promise.all([node.requestAddress(id), node.requestAddress(id)]);
  cluster.datastore.put('/corduroy/v1/test/taken', 'x');
  const bind = (n: number, key: string): Promise<void> =>
    node.ipam.assignments.bind({
      addresses: [ip(addresses[n] ?? '')],
      handle: `h${n}` as never,
      alongside: { compares: [{ key, revision: 0 as never }], writes: [{ kind: 'put', key, value: 'mine' }] },
    });
  const outcomes = await Promise.allSettled([bind(0, '/corduroy/v1/test/taken'), bind(1, '/corduroy/v1/test/new')]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  expect(cluster.datastore.contents('/corduroy/v1/test/')).toEqual(
    new Map([
      ['/corduroy/v1/test/new', 'mine'],
      ['/corduroy/v1/test/taken', 'x'],
    ]),
  );
  expect((await node.ipam.admin.show(ip(addresses[0] ?? ''))).is.state).toBe('unbound');
});
