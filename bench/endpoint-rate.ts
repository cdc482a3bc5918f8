import type { BenchHost } from './bench-host.js';
import type { Measurement } from './result-table.js';

const AT_ONCE = 8;

/** Endpoints that come 8 at once: RequestAddress, CreateEndpoint and Join of each. Rivals get a fifth, to end in time. */
export async function measureEndpointRate(bench: BenchHost, count: number): Promise<readonly Measurement[]> {
  const row = `${count} endpoints, ${AT_ONCE} at once, ${bench.store}`;
  const rates = new Map<string, number[]>();
  for (let round = 0; round < 3; round++) {
    for (const [variant, endpoints] of [
      [bench.ours, count],
      [bench.batched, count / 5],
      [bench.naive, count / 5],
    ] as const) {
      const samples = await bench.load('rate', `${endpoints}`, `${AT_ONCE}`, variant);
      for (const [name, values] of Object.entries(samples)) rates.set(name, [...(rates.get(name) ?? []), ...values]);
    }
  }
  return [...rates].map(([variant, samples]) => ({ row, variant, unit: 'per second', samples }));
}
