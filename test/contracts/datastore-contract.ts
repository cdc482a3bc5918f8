import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  ABSENT,
  type Datastore,
  type FollowUpdate,
  type Revision,
  type WatchUpdate,
} from '../../src/effects/datastore.js';
import { InternalError } from '../../src/model/errors.js';
import { eventually } from './eventually.js';

const ROOT = '/corduroy/v1/';
const key = (name: string): string => `${ROOT}contract/${name}`;
const put = (name: string, value: string) => ({ kind: 'put', key: key(name), value }) as const;
const remove = (name: string) => ({ kind: 'delete', key: key(name) }) as const;

/** What every Datastore does, whatever holds its data. `open` gives an empty store each time. */
export function describeDatastore(name: string, open: () => Promise<Datastore>): void {
  describe(`${name} as a datastore`, () => {
    let store: Datastore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    async function commit(...writes: Parameters<Datastore['transact']>[0]['writes']): Promise<Revision> {
      const outcome = await store.transact({ compares: [], writes });
      if (outcome.kind === 'committed') return outcome.revision;
      throw new Error('a transaction without compares conflicted');
    }

    test('a key that was never written is absent, and so is a deleted one', async () => {
      expect(await store.get(key('a'))).toBeUndefined();
      await commit(put('a', '1'));
      await commit(remove('a'));
      expect(await store.get(key('a'))).toBeUndefined();
    });

    test('a written text comes back with the revision of its transaction, whatever characters it has', async () => {
      const text = '{"name":"Ünïcødé 🧵","empty":"","nul":"\\u0000"}';
      const revision = await commit(put('a', text));
      expect(await store.get(key('a'))).toEqual({ key: key('a'), value: text, revision });
      const next = await commit(put('a', ''));
      expect(next).toBeGreaterThan(revision);
      expect(await store.get(key('a'))).toEqual({ key: key('a'), value: '', revision: next });
    });

    test('all keys of one transaction bear its one revision, also in a list', async () => {
      const revision = await commit(put('b', '2'), put('a', '1'));
      expect(await store.list(key(''))).toEqual({
        items: [
          { key: key('a'), value: '1', revision },
          { key: key('b'), value: '2', revision },
        ],
        revision,
      });
    });

    test('a list holds the keys with the prefix and no others, sorted', async () => {
      await commit(put('x/b', ''), put('x/a', ''), put('x', ''), put('xy', ''), put('x0', ''), put('w/z', ''));
      await commit(put('x/c', ''), remove('x/b'));
      const { items } = await store.list(key('x/'));
      expect(items.map((item) => item.key)).toEqual([key('x/a'), key('x/c')]);
      expect((await store.list(key('nothing/'))).items).toEqual([]);
    });

    test('a list shows the store as of a revision that later writes exceed', async () => {
      await commit(put('a', '1'));
      const { revision } = await store.list(key(''));
      expect(await commit(put('a', '2'))).toBeGreaterThan(revision);
    });

    test('create if absent succeeds once', async () => {
      const create = { compares: [{ key: key('a'), revision: ABSENT }], writes: [put('a', 'mine')] };
      const first = await store.transact(create);
      expect(first.kind).toBe('committed');
      expect(await store.transact(create)).toEqual({ kind: 'conflict', current: [await store.get(key('a'))] });
    });

    test('a compare on a stale revision conflicts, writes nothing and tells the keys as they are', async () => {
      const stale = await commit(put('a', '1'));
      const current = await commit(put('a', '2'));
      const outcome = await store.transact({
        compares: [
          { key: key('b'), revision: ABSENT },
          { key: key('a'), revision: stale },
        ],
        writes: [put('a', '3'), put('b', '3')],
      });
      expect(outcome).toEqual({ kind: 'conflict', current: [{ key: key('a'), value: '2', revision: current }] });
      expect((await store.list(key(''))).items).toHaveLength(1);
    });

    test('a compare on the right revision commits, deletion and creation included', async () => {
      const revision = await commit(put('a', '1'));
      const outcome = await store.transact({
        compares: [{ key: key('a'), revision }],
        writes: [remove('a'), put('b', 'moved')],
      });
      expect(outcome.kind).toBe('committed');
      expect((await store.list(key(''))).items.map((item) => item.key)).toEqual([key('b')]);
    });

    test('a deleted key is absent to a compare, and its successor has a higher revision', async () => {
      const before = await commit(put('a', '1'));
      await commit(remove('a'));
      const outcome = await store.transact({
        compares: [{ key: key('a'), revision: ABSENT }],
        writes: [put('a', 'again')],
      });
      if (outcome.kind !== 'committed') throw new Error('the deleted key was not absent');
      expect(outcome.revision).toBeGreaterThan(before);
    });

    test('compares without writes read consistently', async () => {
      const revision = await commit(put('a', '1'));
      const hold = { compares: [{ key: key('a'), revision }], writes: [] };
      expect((await store.transact(hold)).kind).toBe('committed');
      await commit(put('a', '2'));
      expect((await store.transact(hold)).kind).toBe('conflict');
    });

    test('deleting an absent key changes nothing', async () => {
      const before = await commit(put('a', '1'));
      expect(await commit(remove('b'))).toBe(before);
    });

    test('writing one key twice in a transaction is refused as our mistake', async () => {
      await expect(commit(put('a', '1'), remove('a'))).rejects.toThrow(InternalError);
      expect(await store.get(key('a'))).toBeUndefined();
    });

    test('more operations than etcd takes are refused as our mistake, and 128 are taken', async () => {
      const puts = (count: number) => Array.from({ length: count }, (_, i) => put(`bulk/${i}`, ''));
      await expect(commit(...puts(129))).rejects.toThrow('129 writes');
      const compares = puts(128).map((write) => ({ key: write.key, revision: ABSENT }));
      expect((await store.transact({ compares, writes: puts(128) })).kind).toBe('committed');
      expect(await store.transact({ compares, writes: puts(128) })).toMatchObject({ kind: 'conflict' });
    });

    test('of many that raise one counter at once, by compare and retry, none is lost', async () => {
      await commit(put('counter', '0'));
      const raise = async (): Promise<void> => {
        for (;;) {
          const now = await store.get(key('counter'));
          const outcome = await store.transact({
            compares: [{ key: key('counter'), revision: now?.revision ?? ABSENT }],
            writes: [put('counter', String(Number(now?.value) + 1))],
          });
          if (outcome.kind === 'committed') return;
        }
      };
      await Promise.all(Array.from({ length: 12 }, raise));
      expect((await store.get(key('counter')))?.value).toBe('12');
    });

    test('transactions in flight together get distinct revisions', async () => {
      const revisions = await Promise.all(Array.from({ length: 50 }, (_, i) => commit(put(`many/${i}`, String(i)))));
      expect(new Set(revisions).size).toBe(50);
      for (const item of (await store.list(key('many/'))).items) {
        expect(item.revision).toBe(revisions[Number(item.value)]);
      }
    });

    test('a transaction of a hundred keys is one', async () => {
      const revision = await commit(...Array.from({ length: 100 }, (_, i) => put(`bulk/${i}`, 'x')));
      const { items } = await store.list(key('bulk/'));
      expect(items).toHaveLength(100);
      expect(new Set(items.map((item) => item.revision))).toEqual(new Set([revision]));
    });

    test('a watch begins with a snapshot, then tells changes under its prefix in order', async () => {
      const first = await commit(put('seen/a', '1'), put('other', 'x'));
      const updates: WatchUpdate[] = [];
      const watch = store.watch(key('seen/'), (update) => updates.push(update));
      await eventually(() => expect(updates).toHaveLength(1));
      expect(updates[0]).toMatchObject({
        kind: 'snapshot',
        items: [{ key: key('seen/a'), value: '1', revision: first }],
      });
      const second = await commit(put('seen/b', '2'), put('other', 'y'));
      const third = await commit(remove('seen/a'));
      await eventually(() => expect(changesIn(updates)).toHaveLength(2));
      expect(changesIn(updates)).toEqual([
        { ...put('seen/b', '2'), revision: second },
        { ...remove('seen/a'), revision: third },
      ]);
      expect(updates.at(-1)?.revision).toBeGreaterThanOrEqual(third);
      await watch.close();
    });

    test('a watch misses nothing and repeats nothing while others write', async () => {
      const updates: WatchUpdate[] = [];
      const writing = Promise.all(Array.from({ length: 40 }, (_, i) => commit(put(`w/${i % 5}`, String(i)))));
      const watch = store.watch(key('w/'), (update) => updates.push(update));
      const last = Math.max(...(await writing));
      await eventually(() => expect(updates.at(-1)?.revision).toBeGreaterThanOrEqual(last));
      const told = new Map<string, { value: string; revision: number }>();
      for (const update of updates) {
        const items = update.kind === 'snapshot' ? update.items : update.changes;
        for (const item of items) {
          expect(item.revision).toBeGreaterThan(told.get(item.key)?.revision ?? 0);
          if ('value' in item) told.set(item.key, { value: item.value, revision: item.revision });
        }
      }
      const stored = (await store.list(key('w/'))).items;
      expect([...told].sort()).toEqual(
        stored.map((item) => [item.key, { value: item.value, revision: item.revision }]),
      );
      await watch.close();
    });

    test('following begins with a snapshot of all prefixes in parts, then tells each transaction whole', async () => {
      const many = Array.from({ length: 60 }, (_, i) => put(`m/${String(i).padStart(2, '0')}`, 'x'));
      const first = await commit(...many, put('n/other', 'x'), put('z/a', '1'));
      const updates: FollowUpdate[] = [];
      const watch = store.follow([key('z/'), key('m/')], (update) => updates.push(update));
      await eventually(() => expect(updates.at(-1)).toMatchObject({ kind: 'part', last: true }));
      const parts = updates.flatMap((update) => (update.kind === 'part' ? [update] : []));
      expect(parts.map((part) => part.first)).toEqual(parts.map((_, place) => place === 0));
      expect(parts.map((part) => part.last)).toEqual(parts.map((_, place) => place === parts.length - 1));
      expect(new Set(parts.map(({ revision }) => revision)).size).toBe(1);
      const listed = parts.flatMap(({ items }) => items);
      expect(listed.map((item) => item.key).sort()).toEqual([...many.map((one) => one.key), key('z/a')]);
      expect(new Set(listed.map(({ revision }) => revision))).toEqual(new Set([first]));
      updates.length = 0;
      const second = await commit(put('m/00', 'y'), put('n/other', 'y'), remove('z/a'));
      await eventually(() => expect(updates).not.toEqual([]));
      const [told] = updates;
      expect(told).toMatchObject({ kind: 'changes', revision: second });
      expect(told?.kind === 'changes' && told.changes.toSorted((a, b) => (a.key < b.key ? -1 : 1))).toEqual([
        { ...put('m/00', 'y'), revision: second },
        { ...remove('z/a'), revision: second },
      ]);
      await watch.close();
    });

    test('a closed watch is silent', async () => {
      const updates: WatchUpdate[] = [];
      const other: WatchUpdate[] = [];
      const closed = store.watch(key(''), (update) => updates.push(update));
      const open = store.watch(key(''), (update) => other.push(update));
      await eventually(() => expect(updates).toHaveLength(1));
      await closed.close();
      await commit(put('a', '1'));
      await eventually(() => expect(changesIn(other)).toHaveLength(1));
      expect(updates).toHaveLength(1);
      await open.close();
    });

    test('a listener that throws goes on being told, and disturbs no other', async () => {
      const told: string[] = [];
      const bad = store.watch(key(''), (update) => {
        told.push(update.kind);
        throw new Error('a listener with a fault');
      });
      const good: string[] = [];
      const other = store.watch(key(''), (update) => good.push(update.kind));
      await eventually(() => expect([told, good]).toEqual([['snapshot'], ['snapshot']]));
      await commit(put('a', '1'));
      await eventually(() => expect([told, good]).toEqual([told, ['snapshot', 'changes']]));
      await eventually(() => expect(told).toEqual(['snapshot', 'changes']));
      await bad.close();
      await other.close();
    });

    test('a store that answers is connected', async () => {
      await commit(put('a', '1'));
      expect(store.health()).toEqual({ kind: 'connected' });
    });
  });
}

const changesIn = (updates: readonly WatchUpdate[]) =>
  updates.flatMap((update) => (update.kind === 'changes' ? update.changes : []));
