import { afterEach, describe, expect, test } from '@jest/globals';
import type { Kernel } from '../../src/effects/kernel.js';
import { systemClock } from '../../src/infrastructure/system-clock.js';
import { KernelError } from '../../src/model/errors.js';
import { DataplaneLab } from './dataplane-lab.js';
import { netnsUnavailable } from './test-namespace.js';

const unavailable = netnsUnavailable();
if (unavailable !== undefined) console.warn(`skipped: ${unavailable}`);

/** The same kernel, whose IPv4 packet filter cannot be read so many times. */
function failing(kernel: Kernel, times: number): Kernel {
  const real = kernel.packetFilters[4];
  let left = times;
  const filter = {
    family: real.family,
    backend: real.backend,
    load: (text: string) => real.load(text),
    save: () =>
      left-- > 0 ? Promise.reject(new KernelError('another app is holding the xtables lock', '')) : real.save(),
  };
  return { ...kernel, packetFilters: { ...kernel.packetFilters, 4: filter } };
}

const hasty = {
  now: () => systemClock.now(),
  sleep: (_: number, signal?: AbortSignal) => systemClock.sleep(1, signal),
};

(unavailable === undefined ? describe : describe.skip)('a start', () => {
  let lab: DataplaneLab;
  afterEach(() => lab.dispose());

  test('that the kernel hinders for a moment succeeds all the same', async () => {
    lab = await DataplaneLab.create('nft', { kernel: (kernel) => failing(kernel, 3), clock: hasty });
    await lab.start();
    expect(lab.dataplane.status()).toMatchObject({ synced: true, repairsTotal: 0 });
    await lab.attach(await lab.putEndpoint(2));
  });

  test('that the kernel hinders for good fails with what the kernel said', async () => {
    lab = await DataplaneLab.create('nft', {
      kernel: (kernel) => failing(kernel, Number.POSITIVE_INFINITY),
      clock: hasty,
    });
    await expect(lab.start()).rejects.toThrow('xtables lock');
    await expect(lab.attach(await lab.putEndpoint(2))).rejects.toThrow('xtables lock');
  });
});
