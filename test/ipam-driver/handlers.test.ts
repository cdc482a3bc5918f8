import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { silentLogger } from '../../src/effects/logger.js';
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

const tooLate = { signal: AbortSignal.abort(), log: silentLogger };

test('what comes after the deadline is given back by the call itself', async () => {
  const before = [...cluster.datastore.contents('/corduroy/v1/subnet/').keys()];
  const request = { addressSpace: 'local', options: {}, v6: false };
  await expect(node.ipam.handlers.RequestPool(request, tooLate)).rejects.toThrow('within the deadline');
  expect([...cluster.datastore.contents('/corduroy/v1/subnet/').keys()]).toEqual(before);

  const { PoolID } = await node.requestPool();
  const wanted = { poolId: PoolID, purpose: 'any' } as const;
  await expect(node.ipam.handlers.RequestAddress(wanted, tooLate)).rejects.toThrow('within the deadline');
  expect((await node.ipam.admin.show(ip('10.64.0.2'))).is.state).toBe('cooling');
});

test('a dual-stack network that fails half-way leaves nothing behind', async () => {
  const records = (): string[] =>
    ['subnet', 'block', 'handle'].flatMap((kind) => [...cluster.datastore.contents(`/corduroy/v1/${kind}/`).keys()]);
  const v4 = await node.requestPool();
  const gateway = await node.requestGateway(v4.PoolID);
  await expect(node.requestPool({ Pool: 'fd80:c0de::/47', V6: true })).rejects.toThrow('overlaps pool');
  await node.releaseAddress(v4.PoolID, gateway);
  await node.releasePool(v4.PoolID);
  expect(records()).toEqual([]);
});

test('both addresses of a dual-stack endpoint are bound in one transaction, or none', async () => {
  const v4 = (await node.requestPool()).PoolID;
  const v6 = (await node.requestPool({ V6: true })).PoolID;
  const addresses = [ip(await node.requestAddress(v4)), ip(await node.requestAddress(v6))];
  const request = { handle: 'e'.repeat(64) as never, alongside: { compares: [], writes: [] } };
  await expect(
    node.ipam.assignments.bind({ ...request, addresses: [...addresses, ip('fd80:c0de::99')] }),
  ).rejects.toThrow('fd80:c0de::99 is not assigned');
  for (const address of addresses) expect((await node.ipam.admin.show(address)).is.state).toBe('unbound');

  const before = cluster.datastore.transactionCount;
  await node.ipam.assignments.bind({ ...request, addresses });
  expect(cluster.datastore.transactionCount - before).toBe(1);
  for (const address of addresses) expect((await node.ipam.admin.show(address)).is.state).toBe('bound');
});

test("an auxiliary address that was taken for one of Docker's is a container's all the same", async () => {
  const { PoolID } = await node.requestPool({ Pool: '10.64.9.0/24' });
  await node.requestAddress(PoolID, '10.64.9.9');
  expect((await node.ipam.admin.show(ip('10.64.9.9'))).is.state).toBe('reserved');
  await node.bind('10.64.9.9', 'container');
  await node.unbind('10.64.9.9', 'container');
  await node.releaseAddress(PoolID, '10.64.9.9');
  expect((await node.ipam.admin.show(ip('10.64.9.9'))).is.state).toBe('cooling');
});

test('an address in a corrupt block is refused with the key of the record', async () => {
  const { PoolID } = await node.requestPool({ Pool: '10.64.9.0/24' });
  cluster.datastore.put('/corduroy/v1/block/10.64.9.0-24/10.64.9.64-26', '[]');
  await expect(node.requestAddress(PoolID, '10.64.9.70', 'c')).rejects.toThrow(
    'the record at /corduroy/v1/block/10.64.9.0-24/10.64.9.64-26 cannot be read',
  );
});
