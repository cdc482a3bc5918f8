import { afterAll, expect, test } from '@jest/globals';
import { silentLogger } from '../../../src/effects/logger.js';
import { ExecaCommandRunner } from '../../../src/infrastructure/linux/execa-command-runner.js';
import { ShellRunner } from '../../../src/infrastructure/linux/shell-runner.js';

const shell = new ShellRunner(new ExecaCommandRunner(), silentLogger);
afterAll(() => shell.close());

test('what a program prints is given back, whatever its words and its last line end in', async () => {
  const words = ["it's", '$HOME', '`id`', '"', 'a\nb', '*', ''];
  const { exitCode, stdout } = await shell.run('printf', ['[%s]', ...words]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: words.map((word) => `[${word}]`).join('') });
});

test('a failure has its code, and what the program complained of', async () => {
  const failed = await shell.run('sh', ['-c', 'echo out; echo complaint >&2; exit 7']);
  expect(failed).toEqual({ exitCode: 7, stdout: '', stderr: 'out\ncomplaint\n' });
  expect(await shell.run('no-such-program', [])).toMatchObject({
    exitCode: 127,
    stderr: expect.stringContaining('not found'),
  });
});

test('programs run one after the other, all of one shell, and cannot read what is meant for it', async () => {
  const [first, second] = await Promise.all([shell.run('cat', []), shell.run('echo', ['next'])]);
  expect([first.stdout, second.stdout]).toEqual(['', 'next\n']);
  const pid = shell.helperPid();
  await shell.run('true', []);
  expect(shell.helperPid()).toBe(pid);
});

test('a program that does not end in time fails, and the next one runs', async () => {
  await expect(shell.run('sleep', ['5'], { timeoutMs: 50 })).rejects.toThrow(/did not answer within 50 ms/);
  expect((await shell.run('echo', ['again'])).stdout).toBe('again\n');
});
