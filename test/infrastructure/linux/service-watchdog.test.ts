import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { giveSignsOfLife, signIntervalMs } from '../../../src/infrastructure/linux/service-watchdog.js';

const scratch = mkdtempSync(join(tmpdir(), 'corduroy-signs-'));
afterAll(() => rmSync(scratch, { recursive: true }));

test.each([
  ['three signs within the limit of the unit', { WATCHDOG_USEC: '30000000', WATCHDOG_PID: '7' }, 10_000],
  ['a unit that names no process means the one it has started', { WATCHDOG_USEC: '6000000' }, 2_000],
  ['none without a limit', {}, undefined],
  ["none for a limit that was another process's", { WATCHDOG_USEC: '30000000', WATCHDOG_PID: '8' }, undefined],
  ['none for what is no number', { WATCHDOG_USEC: 'soon' }, undefined],
])('%s', (_, environment, interval) => {
  expect(signIntervalMs(environment, 7)).toBe(interval);
});

test('that no sign reaches systemd is told, where its program is and where it is not', async () => {
  // No test is a service of systemd's: there is nobody to take the sign.
  const sentence = await new Promise<string>((resolve) => giveSignsOfLife({ WATCHDOG_USEC: '60000000' }, resolve));
  expect(sentence).toMatch(/^systemd-notify (failed \(exit code \d+\)|cannot be run).*NotifyAccess=all/);
});

/** A process that gives signs, does so until three have come, stands still, and tells how many came from then on. */
const PROCESS = `
import { readFileSync } from 'node:fs';
import { giveSignsOfLife } from '${new URL('../../../src/infrastructure/linux/service-watchdog.js', import.meta.url)}';
const signs = () => readFileSync(process.env.SIGNS, 'utf8').split('\\n').length - 1;
const standStill = (ms) => { for (const end = Date.now() + ms; Date.now() < end; ); };
giveSignsOfLife(process.env, (sentence) => console.log(sentence));
while (signs() < 3) await new Promise((resolve) => setTimeout(resolve, 10));
standStill(200);
const before = signs();
standStill(500);
console.log(process.pid, signs() - before);
`;

test('while the process turns there are signs, from one shell that stays; none while it stands still, nor is its end held up', async () => {
  const signs = join(scratch, 'signs');
  const program = join(scratch, 'systemd-notify');
  writeFileSync(signs, '');
  writeFileSync(program, '#!/bin/sh\necho "$PPID $*" >>"$SIGNS"\n');
  chmodSync(program, 0o755);
  const { stdout } = await execa(process.execPath, ['--input-type=module', '-e', PROCESS], {
    env: { PATH: `${scratch}:${process.env['PATH']}`, SIGNS: signs, WATCHDOG_USEC: '300000', NODE_OPTIONS: '' },
    timeout: 20_000,
  });
  const [pid, whileItStood] = stdout.split(' ');
  expect(whileItStood).toBe('0');
  const [first, ...others] = readFileSync(signs, 'utf8').trim().split('\n');
  expect(first).toMatch(/^\d+ WATCHDOG=1$/);
  expect(first).not.toMatch(new RegExp(`^${pid} `));
  expect(new Set(others)).toEqual(new Set([first]));
});
