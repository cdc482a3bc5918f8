import { expect, test } from '@jest/globals';
import type { Change, Revision, StoredValue, WatchUpdate } from '../../../src/effects/datastore.js';
import { silentLogger } from '../../../src/effects/logger.js';
import type { Disk } from '../../../src/infrastructure/embedded/disk.js';
import { EmbeddedDatastore } from '../../../src/infrastructure/embedded/embedded-datastore.js';
import { DatastoreUnavailableError } from '../../../src/model/errors.js';
import { eventually } from '../../contracts/eventually.js';

const put = (key: string, value: string) => ({ compares: [], writes: [{ kind: 'put', key, value }] }) as const;

/** A disk in memory whose writes can be held up, and can fail before or after they took effect. */
class TroubledDisk implements Disk {
  readonly rows = new Map<string, StoredValue>();
  revision = 1 as Revision;
  /** How many changes each write had. */
  readonly writes: number[] = [];
  readonly failures: ('before' | 'after')[] = [];
  #held: Promise<void> | undefined;

  async load(): Promise<{ items: StoredValue[]; revision: Revision }> {
    return { items: [...this.rows.values()], revision: this.revision };
  }

  async write(changes: readonly Change[], revision: Revision): Promise<void> {
    this.writes.push(changes.length);
    await this.#held;
    const failure = this.failures.shift();
    if (failure !== 'before') this.#apply(changes, revision);
    if (failure !== undefined) throw new Error('IO error: No space left on device');
  }

  async close(): Promise<void> {}

  /** Until the function it returns is called. */
  hold(): () => void {
    let release = (): void => {};
    this.#held = new Promise((resolve) => {
      release = resolve;
    });
    return () => {
      this.#held = undefined;
      release();
    };
  }

  #apply(changes: readonly Change[], revision: Revision): void {
    for (const change of changes) {
      if (change.kind === 'put') this.rows.set(change.key, change);
      else this.rows.delete(change.key);
    }
    this.revision = revision;
  }
}

async function aStore(deadlineMs = 1_500) {
  const disk = new TroubledDisk();
  const openDisk = async () => disk;
  const log = silentLogger;
  return { disk, store: await EmbeddedDatastore.open({ directory: '/d', openDisk, log, deadlineMs, retryMs: 20 }) };
}

test('transactions that come while a write is under way share the next one, and see one another in order', async () => {
  const { disk, store } = await aStore();
  const release = disk.hold();
  const first = store.transact(put('/a', '1'));
  await eventually(() => expect(disk.writes).toEqual([1]));
  expect(await store.get('/a')).toBeUndefined();
  const create = { ...put('/b', '1'), compares: [{ key: '/b', revision: 0 as Revision }] };
  const rest = Promise.all([store.transact(create), store.transact(create), store.transact(put('/c', '1'))]);
  release();
  expect([await first, ...(await rest)]).toMatchObject([
    { kind: 'committed', revision: 2 },
    { kind: 'committed', revision: 3 },
    { kind: 'conflict', current: [{ key: '/b', value: '1', revision: 3 }] },
    { kind: 'committed', revision: 4 },
  ]);
  expect(disk.writes).toEqual([1, 2]);
});

test('a key that several transactions of one batch write is written once, as the last left it', async () => {
  const { disk, store } = await aStore();
  await Promise.all(['1', '2', '3'].map((value) => store.transact(put('/a', value))));
  expect(disk.writes).toEqual([1]);
  expect(disk.rows.get('/a')).toMatchObject({ value: '3', revision: 4 });
});

test('a mistaken transaction harms none that shares its write', async () => {
  const { store } = await aStore();
  const twice = { compares: [], writes: [...put('/a', '1').writes, ...put('/a', '2').writes] };
  const [good, bad] = await Promise.allSettled([store.transact(put('/b', '1')), store.transact(twice)]);
  expect([good.status, bad.status]).toEqual(['fulfilled', 'rejected']);
});

test.each([
  ['before', '1'],
  ['after', '2'],
] as const)(
  'a write that fails %s it took effect is an error, and the store then shows what the disk holds',
  async (when, held) => {
    const { disk, store } = await aStore();
    await store.transact(put('/a', '1'));
    const updates: WatchUpdate[] = [];
    store.watch('/', (update) => updates.push(update));
    disk.failures.push(when);
    await expect(store.transact(put('/a', '2'))).rejects.toThrow(/does not answer: IO error: No space left.*has room/);
    expect(store.health()).toMatchObject({ kind: 'unavailable', reason: expect.stringContaining('No space left') });
    await expect(store.get('/a')).rejects.toThrow(DatastoreUnavailableError);
    await eventually(() => expect(store.health()).toEqual({ kind: 'connected' }));
    expect((await store.get('/a'))?.value).toBe(held);
    await eventually(() => expect(updates).toMatchObject([{ kind: 'snapshot' }, { items: [{ value: held }] }]));
    expect((await store.transact(put('/a', '3'))).kind).toBe('committed');
  },
);

test('a disk that does not answer ends the call at its deadline; what waited behind it is not written later', async () => {
  const { disk, store } = await aStore(100);
  const release = disk.hold();
  const stuck = store.transact(put('/a', '1'));
  await eventually(() => expect(disk.writes).toHaveLength(1));
  const waiting = store.transact(put('/b', '1'));
  await expect(stuck).rejects.toThrow(/has not answered for 100 ms/);
  await expect(waiting).rejects.toThrow(DatastoreUnavailableError);
  expect(store.health().kind).toBe('unavailable');
  release();
  await eventually(() => expect(store.health()).toEqual({ kind: 'connected' }));
  await store.transact(put('/c', '1'));
  expect((await store.list('/')).items.map(({ key }) => key)).toEqual(['/a', '/c']);
});
