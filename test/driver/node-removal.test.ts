import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { NodeRemover } from '../../driver/node-removal.js';
import type { ClusterStore } from '../../src/effects/cluster-view.js';
import { StoredNodeLiveness } from '../../src/infrastructure/stored-node-liveness.js';
import { ConflictError } from '../../src/model/errors.js';
import { parseNodeName } from '../../src/model/ids.js';
import { NodeRecord, nodeKey } from '../../src/model/node.js';
import { ADDRESS_PLAN_KEY } from '../../src/model/subnet.js';
import { TenureRecord, tenureKey } from '../../src/model/tenure.js';
import { aCluster, ip, type TestCluster, type TestNode } from '../builders/ipam.js';

const ENDPOINT = 'e'.repeat(64);
const BETA = parseNodeName('beta');

let cluster: TestCluster;
let alpha: TestNode;
let beta: TestNode;

beforeEach(async () => {
  cluster = aCluster();
  alpha = await cluster.node('alpha');
  beta = await cluster.node('beta');
  await alpha.ipam.ensureDefaultPools(['10.64.0.0/12' as never]);
});
afterEach(() => cluster.close());

/** A network on beta with a container whose address is bound, and one that nobody has come for. */
async function networkOnBeta(subnet: string) {
  const { PoolID } = await beta.requestPool({ Pool: subnet });
  await beta.requestGateway(PoolID);
  const used = ip(await beta.requestAddress(PoolID));
  const leaked = ip(await beta.requestAddress(PoolID));
  await beta.bind(used, ENDPOINT);
  await beta.makeNetwork('web', subnet);
  await beta.makeEndpoint('web', ENDPOINT, used);
  const record = NodeRecord.encode({ name: BETA, labels: {}, version: '1', startedAt: '' });
  await beta.cluster.transact({ compares: [], writes: [{ kind: 'put', key: nodeKey(BETA), value: record }] });
  return { used, leaked };
}

const remover = (node: TestNode): NodeRemover =>
  new NodeRemover({
    store: node.cluster as ClusterStore,
    ipam: node.ipam.admin,
    liveness: new StoredNodeLiveness(cluster.datastore, parseNodeName(node.name)),
    clock: cluster.clock,
  });
/** But for the plan, which only tells who changed it last, and for addresses that rest, which tell who had them. */
const keysOfBeta = async (): Promise<readonly string[]> => {
  const { items } = await cluster.datastore.list('/corduroy/v1/');
  const kept = items.filter(({ key }) => key !== ADDRESS_PLAN_KEY);
  const resting = /"cooling":\[[^\]]*\]/;
  return kept.filter(({ value }) => value.replace(resting, '').includes('"beta"')).map(({ key }) => key);
};

test('a node with endpoints is not removed by accident', async () => {
  await networkOnBeta('10.64.8.0/24');
  const before = await cluster.datastore.list('/corduroy/v1/');
  await expect(remover(alpha).remove(BETA, { removeEndpoints: false })).rejects.toThrow(ConflictError);
  expect(await cluster.datastore.list('/corduroy/v1/')).toEqual(before);
});

describe('a node whose daemon lives', () => {
  const alive = async () => {
    await networkOnBeta('10.64.8.0/24');
    const value = TenureRecord.encode({ node: BETA, host: 'b', hostName: 'beta', since: '' });
    cluster.datastore.put(tenureKey(BETA), value);
  };

  test('is not removed: its containers may have the addresses', async () => {
    await alive();
    const before = cluster.datastore.contents();
    const removal = remover(alpha).remove(BETA, { removeEndpoints: true });
    const ended = expect(removal).rejects.toThrow(/its daemon lives, .*; stop the daemon and the containers there/);
    for (let second = 0; second < 20; second++) {
      await new Promise(setImmediate);
      cluster.clock.advance(1_000);
    }
    await ended;
    expect(cluster.datastore.contents()).toEqual(before);
  });

  test('is removed as soon as it has died', async () => {
    await alive();
    const removal = remover(alpha).remove(BETA, { removeEndpoints: true });
    while (cluster.clock.sleeping === 0) await new Promise(setImmediate);
    cluster.datastore.write({ kind: 'delete', key: tenureKey(BETA) });
    cluster.clock.advance(1_000);
    expect(await removal).toMatchObject({ endpoints: 1, addresses: 2 });
  });

  test('is not removed while the datastore does not tell', async () => {
    await alive();
    cluster.datastore.goAway();
    await expect(remover(alpha).remove(BETA, { removeEndpoints: true })).rejects.toThrow(
      'the datastore does not tell whether its daemon lives',
    );
    cluster.datastore.comeBack();
  });
});

test('all that it had goes, and its subnet and addresses are for others', async () => {
  await networkOnBeta('10.64.8.0/24');
  const removed = await remover(alpha).remove(BETA, { removeEndpoints: true });
  expect(removed).toEqual({ endpoints: 1, networks: 1, addresses: 2, known: true });
  expect(await keysOfBeta()).toEqual([]);
  expect((await alpha.ipam.admin.check({ repair: false })).findings).toEqual([]);
  await expect(alpha.requestPool({ Pool: '10.64.8.0/24' })).resolves.toMatchObject({ Pool: '10.64.8.0/24' });
});

test('what other nodes have in the same network stays as it is', async () => {
  const { used, leaked } = await networkOnBeta('10.64.8.0/24');
  const { PoolID } = await alpha.requestPool({ Pool: '10.64.8.0/24' });
  await alpha.requestGateway(PoolID);
  const ours = ip(await alpha.requestAddress(PoolID));
  await alpha.makeNetwork('web', '10.64.8.0/24');
  await remover(alpha).remove(BETA, { removeEndpoints: true });
  expect(await keysOfBeta()).toEqual([]);
  expect([...alpha.cluster.networks.keys()]).toEqual(['web']);
  const states = await Promise.all(
    [ours, used, leaked].map(async (one) => (await alpha.ipam.admin.show(one)).is.state),
  );
  expect(states).toEqual(['unbound', 'cooling', 'cooling']);
  expect((await alpha.ipam.admin.show(ip('10.64.8.1'))).is.state).toBe('reserved');
});

test('what was interrupted is done again, and again does nothing', async () => {
  await networkOnBeta('10.64.8.0/24');
  await alpha.ipam.admin.releaseNode(BETA);
  expect(await remover(alpha).remove(BETA, { removeEndpoints: true })).toMatchObject({ endpoints: 1, addresses: 0 });
  const before = cluster.datastore.transactionCount;
  expect(await remover(alpha).remove(BETA, { removeEndpoints: true })).toEqual({
    endpoints: 0,
    networks: 0,
    addresses: 0,
    known: false,
  });
  expect(await keysOfBeta()).toEqual([]);
  expect(cluster.datastore.transactionCount - before).toBeLessThanOrEqual(3);
});
