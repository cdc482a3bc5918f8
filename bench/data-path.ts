import { dataPathLab } from './data-path/lab.js';
import { iperf3, qperf } from './data-path/tools.js';
import type { Variant } from './data-path/variants.js';
import type { Measurement } from './result-table.js';

const LARGE = 64 * 1024;

/** Bandwidth and latency between containers on two hosts, every variant once in each round, in turn. */
export async function measureDataPath(rounds: number): Promise<readonly Measurement[]> {
  const lab = await dataPathLab();
  const kinds = [
    { row: 'qperf tcp_bw, 64 KiB', unit: 'Gbit/s', take: (variant: Variant) => qperf(variant, 'tcp_bw', LARGE) },
    { row: 'qperf tcp_lat, 64 KiB', unit: 'µs', take: (variant: Variant) => qperf(variant, 'tcp_lat', LARGE) },
    { row: 'qperf tcp_lat, 1 byte', unit: 'µs', take: (variant: Variant) => qperf(variant, 'tcp_lat', 1) },
    { row: 'iperf3', unit: 'Gbit/s', take: iperf3 },
  ] as const;
  try {
    const all = kinds.flatMap((kind) => lab.variants.map((variant) => ({ ...kind, variant, samples: [] as number[] })));
    // The first round warms caches.
    for (let round = 0; round <= rounds; round++) {
      for (const { take, variant, samples } of all) {
        const value = await take(variant);
        if (round > 0) samples.push(value);
      }
    }
    return all.map(({ row, unit, variant, samples }) => ({ row, unit, variant: variant.name, samples }));
  } finally {
    await lab.down();
  }
}
