import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { NodeTenure } from '../../src/composition/node-tenure.js';
import { silentLogger } from '../../src/effects/logger.js';
import { ThreadedEtcdDatastore } from '../../src/infrastructure/etcd/threaded-etcd-datastore.js';
import { StoredNodeLiveness } from '../../src/infrastructure/stored-node-liveness.js';
import { systemClock } from '../../src/infrastructure/system-clock.js';
import { parseNodeName } from '../../src/model/ids.js';
import { eventually } from '../contracts/eventually.js';
import { EtcdServer, etcdMissing } from './etcd-server.js';

if (etcdMissing !== undefined) console.warn(`the etcd lease suite is skipped: ${etcdMissing}`);
const withEtcd = etcdMissing === undefined ? describe : describe.skip;
const ALPHA = parseNodeName('alpha');

withEtcd("etcd's leases", () => {
  let etcd: EtcdServer;
  let store: ThreadedEtcdDatastore;
  beforeAll(async () => {
    etcd = await EtcdServer.start();
  });
  afterAll(() => etcd.destroy());
  beforeEach(() => {
    store = new ThreadedEtcdDatastore({ endpoints: [etcd.endpoint], credentials: {} }, silentLogger);
  });
  afterEach(() => store.close());

  const put = (key: string) => ({ compares: [], writes: [{ kind: 'put', key, value: '1' }] }) as const;

  test('keep what was put with them while they are renewed, and no longer', async () => {
    const lease = await store.leases.grant(2);
    await store.leases.transact(lease, put('/corduroy/v1/leased'));
    for (let n = 0; n < 4; n++) {
      await systemClock.sleep(1_000);
      expect(await store.leases.renew(lease)).toBe(true);
    }
    expect(await store.get('/corduroy/v1/leased')).toBeDefined();
    await eventually(async () => expect(await store.get('/corduroy/v1/leased')).toBeUndefined(), 10_000);
    expect(await store.leases.renew(lease)).toBe(false);
    await store.leases.revoke(lease);
  }, 20_000);

  test('end at once when they are revoked, and take nothing else with them', async () => {
    const lease = await store.leases.grant(60);
    await store.leases.transact(lease, put('/corduroy/v1/a'));
    await store.transact(put('/corduroy/v1/b'));
    await store.leases.revoke(lease);
    expect(await store.get('/corduroy/v1/a')).toBeUndefined();
    expect(await store.get('/corduroy/v1/b')).toBeDefined();
  });

  test('a compare that fails binds nothing', async () => {
    const lease = await store.leases.grant(60);
    await store.transact(put('/corduroy/v1/c'));
    const outcome = await store.leases.transact(lease, {
      compares: [{ key: '/corduroy/v1/c', revision: 0 as never }],
      writes: [{ kind: 'put', key: '/corduroy/v1/c', value: '2' }],
    });
    expect(outcome.kind).toBe('conflict');
    await store.leases.revoke(lease);
    expect(await store.get('/corduroy/v1/c')).toMatchObject({ value: '1' });
  });

  test('a node that etcd has forgotten is alive again soon after etcd is back', async () => {
    const self = { node: ALPHA, host: 'one', hostName: 'one' };
    const tenure = new NodeTenure({
      datastore: store,
      leases: store.leases,
      self,
      clock: systemClock,
      log: silentLogger,
    });
    await tenure.claim();
    const liveness = new StoredNodeLiveness(store, parseNodeName('beta'));
    expect((await liveness.of([ALPHA])).get(ALPHA)).toEqual({ state: 'alive' });
    await etcd.wipe();
    await etcd.start();
    await eventually(async () => expect((await liveness.of([ALPHA])).get(ALPHA)).toEqual({ state: 'alive' }), 15_000);
    await tenure.close();
    expect((await liveness.of([ALPHA])).get(ALPHA)).toMatchObject({ state: 'gone' });
  }, 30_000);
});
