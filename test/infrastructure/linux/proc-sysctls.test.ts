import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { silentLogger } from '../../../src/effects/logger.js';
import { ExecaCommandRunner } from '../../../src/infrastructure/linux/execa-command-runner.js';
import { ProcSysctls } from '../../../src/infrastructure/linux/proc-sysctls.js';

const runner = new ExecaCommandRunner();
const sysctls = new ProcSysctls(runner, silentLogger);
afterAll(() => sysctls.close());

test("of settings under the kernel's lock, those that are as wanted are not written", async () => {
  const base = mkdtempSync(join(tmpdir(), 'corduroy-sysctls-'));
  const files = new ProcSysctls(runner, silentLogger, base);
  const paths = ['net/ipv4/conf/a/forwarding', 'net/ipv4/conf/b/forwarding', 'net/ipv6/conf/a/disable_ipv6'] as const;
  const values = ['1', '0', '0'];
  paths.forEach((path, i) => {
    mkdirSync(join(base, path, '..'), { recursive: true });
    writeFileSync(join(base, path), `${values[i]}\n`);
    utimesSync(join(base, path), 1, 1);
  });
  try {
    await files.write([
      { path: paths[0], value: '1' },
      { path: paths[1], value: '1' },
      { path: paths[2], value: '0' },
    ]);
    expect(paths.map((path) => readFileSync(join(base, path), 'utf8'))).toEqual(['1\n', '1\n', '0\n']);
    expect(paths.map((path) => statSync(join(base, path)).mtimeMs === 1_000)).toEqual([true, false, true]);
  } finally {
    files.close();
    rmSync(base, { recursive: true });
  }
});

test('the first setting that cannot be written is named, with the reason', async () => {
  const missing = ['one', 'two'].map((link) => ({ path: `net/ipv4/conf/no-such-${link}/forwarding`, value: '1' }));
  await expect(sysctls.write(missing)).rejects.toThrow(
    /net\/ipv4\/conf\/no-such-one\/forwarding could not be set to 1 \(.*(nonexistent|No such file).*run the daemon as root/,
  );
  expect(await sysctls.read(missing.map(({ path }) => path))).toEqual([undefined, undefined]);
});
