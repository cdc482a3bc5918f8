import { expect, test } from '@jest/globals';
import { giveSignsOfLife, signIntervalMs } from '../../../src/infrastructure/linux/service-watchdog.js';

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
