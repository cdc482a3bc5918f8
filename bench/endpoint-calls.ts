import type { BenchHost } from './bench-host.js';
import type { Measurement } from './result-table.js';

/** CreateEndpoint and Join through the whole application, one at a time, in turn with the rivals. */
export async function measureEndpointCalls(bench: BenchHost, rounds: number): Promise<readonly Measurement[]> {
  const samples = await bench.load('calls', `${rounds}`, bench.ours, bench.batched, bench.naive);
  return Object.entries(samples).map(([variant, times]) => ({
    row: `CreateEndpoint + Join, ${bench.store}`,
    variant,
    unit: 'ms',
    samples: times,
  }));
}
