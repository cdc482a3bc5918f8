import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { ABSENT, type WatchUpdate } from '../../src/effects/datastore.js';
import { silentLogger } from '../../src/effects/logger.js';
import { EtcdDatastore } from '../../src/infrastructure/etcd/etcd-datastore.js';
import { ThreadedEtcdDatastore } from '../../src/infrastructure/etcd/threaded-etcd-datastore.js';
import { DatastoreUnavailableError } from '../../src/model/errors.js';
import { describeDatastore } from '../contracts/datastore-contract.js';
import { eventually } from '../contracts/eventually.js';
import { EtcdServer, etcdMissing, freePorts } from './etcd-server.js';
import { StallingProxy } from './stalling-proxy.js';

if (etcdMissing !== undefined) console.warn(`the etcd suite is skipped: ${etcdMissing}`);
const withEtcd = etcdMissing === undefined ? describe : describe.skip;

/** A reader that is busy for so long, in ms. */
function standStill(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end) Math.random();
}

const put = (name: string, value: string) => ({ kind: 'put', key: `/corduroy/v1/t/${name}`, value }) as const;
const write = (name: string, value: string) => ({ compares: [], writes: [put(name, value)] });
const beginning = (endpoints: readonly string[]) => ({ endpoints, credentials: {}, deadlineMs: 600, probeMs: 100 });
/** As the daemon has it. */
const openStore = (endpoints: readonly string[]): ThreadedEtcdDatastore =>
  new ThreadedEtcdDatastore(beginning(endpoints), silentLogger);

withEtcd('with a real etcd', () => {
  let etcd: EtcdServer;
  beforeAll(async () => {
    etcd = await EtcdServer.start();
  });
  afterAll(() => etcd.destroy());

  describeDatastore('etcd', async () => {
    await etcd.etcdctl('del', '--prefix', '');
    return new EtcdDatastore({ ...beginning([etcd.endpoint]), log: silentLogger });
  });
  describeDatastore('etcd by its thread', async () => {
    await etcd.etcdctl('del', '--prefix', '');
    return openStore([etcd.endpoint]);
  });
});

withEtcd('when etcd fails', () => {
  let etcd: EtcdServer;
  let store: ThreadedEtcdDatastore;
  beforeAll(async () => {
    etcd = await EtcdServer.start();
  });
  afterEach(async () => {
    await store.close();
    await etcd.revive();
  });
  afterAll(() => etcd.destroy());

  function watchAll() {
    const updates: WatchUpdate[] = [];
    store.watch('/corduroy/v1/', (update) => updates.push(update));
    return updates;
  }
  const told = (updates: readonly WatchUpdate[]): Map<string, string> => {
    const values = new Map<string, string>();
    for (const update of updates) {
      if (update.kind === 'snapshot') values.clear();
      for (const item of update.kind === 'snapshot' ? update.items : update.changes) {
        if ('value' in item) values.set(item.key, item.value);
        else values.delete(item.key);
      }
    }
    return values;
  };

  async function timed(call: Promise<unknown>): Promise<{ ms: number; error: unknown }> {
    const start = performance.now();
    const error = await call.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return { ms: performance.now() - start, error };
  }

  test.each([
    ['is stopped', () => etcd.stop()],
    ['stands still', async () => etcd.freeze()],
  ])('etcd %s: every call ends within its deadline, and works again after', async (_, fail) => {
    store = openStore([etcd.endpoint]);
    await store.transact(write('a', '1'));
    const updates = watchAll();
    await eventually(() => expect(updates).toHaveLength(1));
    await fail();
    for (let i = 0; i < 3; i++) {
      for (const call of [store.transact(write('b', '1')), store.get('/a'), store.list('/corduroy/v1/')]) {
        const { ms, error } = await timed(call);
        expect(error).toBeInstanceOf(DatastoreUnavailableError);
        expect(ms).toBeLessThan(900);
        expect((error as Error).message).toMatch(
          /^etcd at http:\/\/127\.0\.0\.1:\d+ cannot be used: .*; see that it runs/,
        );
      }
    }
    expect(store.health().kind).toBe('unavailable');
    await etcd.revive();
    await eventually(() => expect(store.health()).toEqual({ kind: 'connected' }));
    await store.transact(write('c', '1'));
    await eventually(() => expect(told(updates).get('/corduroy/v1/t/c')).toBe('1'));
  });

  test('etcd stands still for a while and goes on: a watch misses nothing', async () => {
    store = openStore([etcd.endpoint]);
    const updates = watchAll();
    await eventually(() => expect(updates).toHaveLength(1));
    await etcd.freeze();
    expect((await timed(store.transact(write('frozen', '1')))).error).toBeInstanceOf(DatastoreUnavailableError);
    etcd.thaw();
    await eventually(() => expect(store.health()).toEqual({ kind: 'connected' }));
    await store.transact(write('thawed', '1'));
    await eventually(() => expect(told(updates).get('/corduroy/v1/t/thawed')).toBe('1'));
    const stored = (await store.list('/corduroy/v1/')).items.map(({ key, value }) => [key, value]);
    expect([...told(updates)].sort()).toEqual(stored);
  });

  test('a store that is opened while etcd is away finds it when it comes', async () => {
    await etcd.stop();
    store = openStore([etcd.endpoint]);
    const updates = watchAll();
    await store.asked();
    expect(store.health()).toMatchObject({ kind: 'unavailable', reason: expect.stringContaining('ECONNREFUSED') });
    await etcd.start();
    await eventually(() => expect(store.health()).toEqual({ kind: 'connected' }));
    await eventually(() => expect(updates).toMatchObject([{ kind: 'snapshot' }]));
  });

  test('what was deleted and compacted while etcd was out of reach is gone from the fresh snapshot', async () => {
    store = openStore([etcd.endpoint]);
    await store.transact(write('kept', '1'));
    await store.transact(write('gone', '1'));
    const updates = watchAll();
    await eventually(() => expect(told(updates).has('/corduroy/v1/t/gone')).toBe(true));
    const { revision } = await store.list('/');
    await etcd.stop();
    await eventually(() => expect(store.health().kind).toBe('unavailable'));
    await etcd.start();
    await etcd.etcdctl('del', '/corduroy/v1/t/gone');
    await etcd.compact();
    await eventually(() => expect(updates.at(-1)?.revision).toBeGreaterThan(revision));
    await eventually(() => expect(told(updates).has('/corduroy/v1/t/gone')).toBe(false));
    expect(told(updates).get('/corduroy/v1/t/kept')).toBe('1');
  });

  test('an etcd that lost its data is shown as it is', async () => {
    store = openStore([etcd.endpoint]);
    for (let i = 0; i < 5; i++) await store.transact(write('lost', String(i)));
    const updates = watchAll();
    await eventually(() => expect(told(updates).size).toBeGreaterThan(0));
    await etcd.wipe();
    await etcd.start();
    await eventually(() => expect(told(updates).size).toBe(0));
    await store.transact(write('new', '1'));
    await eventually(() => expect([...told(updates).keys()]).toEqual(['/corduroy/v1/t/new']));
  });

  test('with a member that is gone and one that answers, calls succeed, and a create is not done twice', async () => {
    const [port] = await freePorts(1);
    store = openStore([`http://127.0.0.1:${port}`, etcd.endpoint]);
    for (let i = 0; i < 5; i++) {
      const create = {
        compares: [{ key: put(`once/${i}`, '').key, revision: ABSENT }],
        writes: [put(`once/${i}`, '')],
      };
      expect((await store.transact(create)).kind).toBe('committed');
    }
    expect((await store.list('/corduroy/v1/t/once/')).items).toHaveLength(5);
    expect(store.health()).toEqual({ kind: 'connected' });
  });

  test('a path that swallows everything is left for another member, and its silent watch is found', async () => {
    const proxy = await StallingProxy.to(etcd.endpoint);
    store = openStore([proxy.endpoint, etcd.endpoint]);
    const updates = watchAll();
    await eventually(() => expect(updates).toHaveLength(1));
    await store.transact(write('before', '1'));
    await eventually(() => expect(told(updates).has('/corduroy/v1/t/before')).toBe(true));
    proxy.stall();
    await eventually(async () => {
      expect((await store.transact(write('after', '1'))).kind).toBe('committed');
    });
    await eventually(() => expect(told(updates).has('/corduroy/v1/t/after')).toBe(true));
    await proxy.close();
  });

  test('a list of more keys than one reply carries is whole, and of one revision', async () => {
    store = openStore([etcd.endpoint]);
    for (let batch = 0; batch < 80; batch++) {
      const writes = Array.from({ length: 128 }, (_, i) => put(`big/${batch}/${i}`, 'x'));
      await store.transact({ compares: [], writes });
    }
    const { items, revision } = await store.list('/corduroy/v1/t/big/');
    expect(new Set(items.map(({ key }) => key)).size).toBe(80 * 128);
    expect(Math.max(...items.map((item) => item.revision))).toBe(revision);
  });

  test('parts of a snapshot wait for who reads them, whose event loop has its turns in between', async () => {
    store = openStore([etcd.endpoint]);
    for (let batch = 0; batch < 20; batch++) {
      await store.transact({
        compares: [],
        writes: Array.from({ length: 128 }, (_, i) => put(`many/${batch}/${i}`, 'x')),
      });
    }
    const parts = { sinceTurn: 0, most: 0, whole: false };
    const turns = setInterval(() => {
      parts.sinceTurn = 0;
    }, 0);
    const watch = store.follow(['/corduroy/v1/t/many/'], (update) => {
      if (update.kind !== 'part') return;
      parts.most = Math.max(parts.most, ++parts.sinceTurn);
      parts.whole ||= update.last;
      standStill(20);
    });
    await eventually(() => expect(parts.whole).toBe(true));
    clearInterval(turns);
    await watch.close();
    expect(parts.most).toBeLessThanOrEqual(3);
  });
});
