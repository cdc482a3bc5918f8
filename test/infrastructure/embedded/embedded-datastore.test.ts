import { mkdir, mkdtemp, readdir, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ClassicLevel } from 'classic-level';
import { silentLogger } from '../../../src/effects/logger.js';
import { EmbeddedDatastore } from '../../../src/infrastructure/embedded/embedded-datastore.js';
import { openLevelDisk } from '../../../src/infrastructure/embedded/level-disk.js';
import { DatastoreUnavailableError } from '../../../src/model/errors.js';
import { describeDatastore } from '../../contracts/datastore-contract.js';

let directory: string;
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'corduroy-embedded-')), 'store');
});
afterEach(() => rm(join(directory, '..'), { recursive: true }));

const openStore = (): Promise<EmbeddedDatastore> =>
  EmbeddedDatastore.open({ directory, openDisk: () => openLevelDisk(directory), log: silentLogger });
const put = (key: string, value: string) => ({ compares: [], writes: [{ kind: 'put', key, value }] }) as const;
const remove = (key: string) => ({ compares: [], writes: [{ kind: 'delete', key }] }) as const;

describeDatastore('the embedded store', openStore);

/** In the middle of the file. */
async function turnBit(name: RegExp): Promise<void> {
  const file = (await readdir(directory)).find((each) => name.test(each));
  if (file === undefined) throw new Error(`the store has no file like ${name}`);
  const bytes = await readFile(join(directory, file));
  const middle = bytes.length >> 1;
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
  await writeFile(join(directory, file), bytes);
}

describe('on disk', () => {
  test('everything is there after reopening, revisions included, and they go on growing', async () => {
    const first = await openStore();
    await first.transact(put('/a', '1'));
    await first.transact(put('/b', '2 with = and \n lines'));
    await first.transact(remove('/b'));
    await first.transact(put('/c', ''));
    const before = await first.list('/');
    await first.close();
    const second = await openStore();
    expect(await second.list('/')).toEqual(before);
    expect(await second.transact(put('/a', '3'))).toEqual({ kind: 'committed', revision: before.revision + 1 });
    await second.close();
  });

  test('a deletion as the last write keeps the revision from going back', async () => {
    const first = await openStore();
    await first.transact(put('/a', '1'));
    await first.transact(remove('/a'));
    const { revision } = await first.list('/');
    await first.close();
    const second = await openStore();
    expect((await second.list('/')).revision).toBe(revision);
    await second.close();
  });

  test("its directory is its owner's alone, also if it was there before", async () => {
    await mkdir(directory, { mode: 0o755 });
    const store = await openStore();
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    await store.close();
  });

  test('a second opener is told that the store is in use, and the first goes on', async () => {
    const store = await openStore();
    await expect(openStore()).rejects.toThrow(/is in use: another corduroy daemon runs on this host; stop it/);
    expect((await store.transact(put('/a', '1'))).kind).toBe('committed');
    await store.close();
  });

  test.each([
    ['CURRENT is gone', async () => unlink(join(directory, 'CURRENT'))],
    ['CURRENT names no file', async () => writeFile(join(directory, 'CURRENT'), 'MANIFEST-999999\n')],
    ['a bit of its log has turned', () => turnBit(/\.log$/)],
    ['CURRENT is garbage', async () => writeFile(join(directory, 'CURRENT'), 'garbage')],
  ])('a damaged store is refused with the remedy, not opened empty: %s', async (_, damage) => {
    const store = await openStore();
    // Several of the blocks of 32 kB that LevelDB's log is read by: damage within the last looks like a torn write.
    for (let i = 0; i < 100; i++) await store.transact(put(`/${i}`, 'x'.repeat(2_000)));
    await store.close();
    await damage();
    const opening = openStore();
    await expect(opening).rejects.toThrow(DatastoreUnavailableError);
    await expect(opening).rejects.toThrow(/is damaged: .*; put a backup of the directory in its place/);
  });

  test('a path that is no directory is refused with the remedy', async () => {
    await writeFile(directory, 'a file');
    await expect(openStore()).rejects.toThrow(/cannot be opened: .*; see that the directory can be written/);
  });

  test('what a newer corduroy wrote is refused', async () => {
    await (await openStore()).close();
    const level = new ClassicLevel(directory);
    await level.put('format', '2');
    await level.close();
    await expect(openStore()).rejects.toThrow(/has format "2" and this corduroy reads 1/);
  });

  test('closing finishes what was asked before, and refuses what comes after', async () => {
    const store = await openStore();
    const last = store.transact(put('/a', '1'));
    await store.close();
    expect((await last).kind).toBe('committed');
    await expect(store.transact(put('/a', '2'))).rejects.toThrow(/is closed: the daemon is stopping/);
    await expect(store.get('/a')).rejects.toThrow(/is closed/);
  });
});
