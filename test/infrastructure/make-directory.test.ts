import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { makeDirectory } from '../../src/infrastructure/make-directory.js';

const folder = mkdtempSync(join(tmpdir(), 'cord-directory-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('all that is absent is made, with the mode, and what is there stays', async () => {
  const path = join(folder, 'a', 'b', 'c');
  await Promise.all([makeDirectory(path, 0o700), makeDirectory(path, 0o700)]);
  await makeDirectory(path);
  expect(statSync(path).mode & 0o777).toBe(0o700);
});

test('where nothing can be made it says so, and ends', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  await expect(makeDirectory('/proc/x/y')).rejects.toThrow("ENOENT: no such file or directory, mkdir '/proc/x'");
  await expect(makeDirectory(join(file, 'x'))).rejects.toThrow(/ENOTDIR/);
  await expect(makeDirectory(file)).rejects.toThrow('is not a directory');
});
