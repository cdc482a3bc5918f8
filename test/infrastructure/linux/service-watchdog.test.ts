import { expect, test } from '@jest/globals';
import { signIntervalMs } from '../../../src/infrastructure/linux/service-watchdog.js';

test.each([
  ['three signs within the limit of the unit', { WATCHDOG_USEC: '30000000', WATCHDOG_PID: '7' }, 10_000],
  ['a unit that names no process means the one it has started', { WATCHDOG_USEC: '6000000' }, 2_000],
  ['none without a limit', {}, undefined],
  ["none for a limit that was another process's", { WATCHDOG_USEC: '30000000', WATCHDOG_PID: '8' }, undefined],
  ['none for what is no number', { WATCHDOG_USEC: 'soon' }, undefined],
])('%s', (_, environment, interval) => {
  expect(signIntervalMs(environment, 7)).toBe(interval);
});
