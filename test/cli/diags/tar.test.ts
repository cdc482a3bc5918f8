import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { tar } from '../../../src/cli/diags/tar.js';

test('tar reads names, contents, rights and times of files of any length', () => {
  const contents = ['', 'x', 'y'.repeat(511), 'z'.repeat(512), 'grün\n'.repeat(300)];
  const entries = contents.map((content, n) => ({ name: `folder/${n}.txt`, content }));
  const input = tar(entries, new Date('2026-02-03T04:05:06Z'));
  const env = { ...process.env, TZ: 'UTC', LC_ALL: 'C' };
  const listed = execFileSync('tar', ['-tvf', '-', '--full-time'], { input, env }).toString();
  expect(listed.trim().split('\n')).toHaveLength(contents.length);
  expect(listed).toMatch(/^-rw------- 0\/0 +512 2026-02-03 04:05:06 folder\/3\.txt$/m);
  for (const { name, content } of entries) {
    expect(execFileSync('tar', ['-xOf', '-', name], { input }).toString()).toBe(content);
  }
});
