import { afterAll, expect, test } from '@jest/globals';
import { silentLogger } from '../../../src/effects/logger.js';
import { ExecaCommandRunner } from '../../../src/infrastructure/linux/execa-command-runner.js';
import { ProcSysctls } from '../../../src/infrastructure/linux/proc-sysctls.js';

const sysctls = new ProcSysctls(new ExecaCommandRunner(), silentLogger);
afterAll(() => sysctls.close());

test("a setting under the kernel's lock that is as wanted is not written: no shell is started", async () => {
  const [value = ''] = await sysctls.read(['net/ipv4/conf/lo/forwarding']);
  expect(value).toMatch(/^[01]$/);
  await sysctls.write([{ path: 'net/ipv4/conf/lo/forwarding', value }]);
  expect(sysctls.helperPid()).toBeUndefined();
});

test('the first setting that cannot be written is named, with the reason', async () => {
  const missing = ['one', 'two'].map((link) => ({ path: `net/ipv4/conf/no-such-${link}/forwarding`, value: '1' }));
  await expect(sysctls.write(missing)).rejects.toThrow(
    /net\/ipv4\/conf\/no-such-one\/forwarding could not be set to 1 \(.*(nonexistent|No such file).*run the daemon as root/,
  );
  expect(await sysctls.read(missing.map(({ path }) => path))).toEqual([undefined, undefined]);
});
