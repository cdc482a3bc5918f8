import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

// build/test/cli/ -> the project
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
let folder: string;
let launcher: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cord-launcher-'));
  launcher = join(ROOT, `build/launcher-test-${process.pid}`);
  copyFileSync(join(ROOT, 'src/cli/launcher.sh'), launcher);
  chmodSync(launcher, 0o755);
  symlinkSync(launcher, join(folder, 'one'));
  symlinkSync('one', join(folder, 'cord'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  rmSync(launcher);
});

const run = (...words: string[]) =>
  spawnSync(join(folder, 'cord'), words, { cwd: '/', encoding: 'utf8', env: { PATH: process.env['PATH'] } });

test('runs through symbolic links from any directory, and hands on the exit code', () => {
  expect(run('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('Usage: corduroy') });
  const { status, stderr } = run('--socket', join(folder, 'none'), 'pool', 'list');
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('the daemon is not running') });
});

test('gives the program one pool of memory for all its threads, or what its caller asks for', () => {
  // in place of Node, what it would be given
  writeFileSync(join(folder, 'node'), '#!/bin/sh\necho "$MALLOC_ARENA_MAX"\n', { mode: 0o755 });
  const given = (environment: Readonly<Record<string, string>>) =>
    spawnSync(launcher, { encoding: 'utf8', env: { PATH: `${folder}:${process.env['PATH']}`, ...environment } }).stdout;
  expect([given({}), given({ MALLOC_ARENA_MAX: '4' })]).toEqual(['1\n', '4\n']);
  rmSync(join(folder, 'node'));
});

test('prints a configuration that the daemon would run with', () => {
  const { status, stdout } = run('daemon', '--print-config', '--node-name', 'beta', '--auto-pools', 'false');
  expect(status).toBe(0);
  expect(stdout).toMatch(/^nodeName: beta {2}# flag --node-name$/m);
  expect(stdout).toMatch(/^autoPools: false {2}# flag --auto-pools$/m);
});

test('bash completes what the script sets up', () => {
  const script = `cd ${folder}; PATH=${folder}:$PATH; source <(cord completion bash)
    COMP_WORDS=(cord profile rule ""); COMP_CWORD=3; _corduroy; echo "\${COMPREPLY[*]}"`;
  expect(execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim()).toBe('add json remove show update');
});

for (const shell of ['zsh', 'fish']) {
  const installed = (process.env['PATH'] ?? '').split(':').some((path) => existsSync(join(path, shell)));
  const name = `${shell} reads what the script sets up`;
  if (!installed) {
    test.skip(`${name}: skipped, ${shell} is not installed`, () => {});
    continue;
  }
  test(name, () => {
    const { stdout } = run('completion', shell);
    expect(spawnSync(shell, ['-n'], { input: stdout, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  });
}
