import { expect, test } from '@jest/globals';
import type { WatchUpdate } from '../../src/effects/datastore.js';
import { DatastoreUnavailableError } from '../../src/model/errors.js';
import { describeDatastore } from '../contracts/datastore-contract.js';
import { InMemoryDatastore } from './in-memory-datastore.js';

describeDatastore('the fake in memory', async () => new InMemoryDatastore());

const put = (key: string, value: string) => ({ kind: 'put', key, value }) as const;

test('while it is away calls fail and watches are silent; when it is back a snapshot comes', async () => {
  const store = new InMemoryDatastore();
  const updates: WatchUpdate[] = [];
  store.watch('/', (update) => updates.push(update));
  await store.get('/a');
  store.goAway();
  await expect(store.transact({ compares: [], writes: [put('/a', '1')] })).rejects.toThrow(DatastoreUnavailableError);
  expect(store.health().kind).toBe('unavailable');
  store.put('/b', 'by another node');
  await Promise.resolve();
  expect(updates).toHaveLength(1);
  store.comeBack();
  expect(await store.get('/b')).toMatchObject({ value: 'by another node' });
  expect(updates.slice(1)).toMatchObject([{ kind: 'snapshot', items: [{ key: '/b' }] }]);
});

test('a lost request has no effect, a lost reply has one', async () => {
  const store = new InMemoryDatastore();
  store.failNext('beforeCommit');
  store.failNext('afterCommit');
  await expect(store.transact({ compares: [], writes: [put('/a', '1')] })).rejects.toThrow(DatastoreUnavailableError);
  expect(store.contents()).toEqual(new Map());
  await expect(store.transact({ compares: [], writes: [put('/a', '1')] })).rejects.toThrow(DatastoreUnavailableError);
  expect(store.contents()).toEqual(new Map([['/a', '1']]));
});

test('interference makes exactly the next transaction conflict', async () => {
  const store = new InMemoryDatastore();
  const create = { compares: [{ key: '/a', revision: 0 as never }], writes: [put('/a', 'mine')] };
  store.interfereWithNext(put('/a', 'theirs'));
  expect(await store.transact(create)).toMatchObject({ kind: 'conflict', current: [{ value: 'theirs' }] });
  store.write({ kind: 'delete', key: '/a' });
  expect((await store.transact(create)).kind).toBe('committed');
});

test('held watches tell after the release, compaction tells a snapshot', async () => {
  const store = new InMemoryDatastore();
  const kinds: string[] = [];
  store.watch('/', (update) => kinds.push(update.kind));
  await store.get('/a');
  store.holdWatches();
  store.put('/a', '1');
  await store.get('/a');
  expect(kinds).toEqual(['snapshot']);
  store.releaseWatches();
  await store.get('/a');
  expect(kinds).toEqual(['snapshot', 'changes']);
  store.compact();
  await store.get('/a');
  expect(kinds).toEqual(['snapshot', 'changes', 'snapshot']);
});
