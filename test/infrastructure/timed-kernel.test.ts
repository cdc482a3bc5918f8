import { expect, test } from '@jest/globals';
import type { Kernel } from '../../src/effects/kernel.js';
import type { PacketFilter } from '../../src/effects/packet-filter.js';
import { type KernelApply, timedKernel } from '../../src/infrastructure/timed-kernel.js';

const filter = (family: 4 | 6): PacketFilter => ({
  family,
  backend: 'nft',
  save: async () => `saved ${family}`,
  load: (text) => (text === 'bad' ? Promise.reject(new Error('line 1 failed')) : Promise.resolve()),
});

test('transactions are told with their outcome, and go through unchanged', async () => {
  const told: KernelApply[] = [];
  const inner = { packetFilters: { 4: filter(4), 6: filter(6) } } as unknown as Kernel;
  const { packetFilters } = timedKernel(inner, (apply) => told.push(apply));
  await packetFilters[4].load('*mangle');
  await expect(packetFilters[6].load('bad')).rejects.toThrow('line 1 failed');
  expect(await packetFilters[6].save()).toBe('saved 6');
  expect(told).toEqual([
    { ms: expect.any(Number), outcome: 'ok' },
    { ms: expect.any(Number), outcome: 'error' },
  ]);
});
