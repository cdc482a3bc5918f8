import { endpointsOfOneHost, LAYOUTS } from './packet-path/layouts.js';
import { Router, type Traffic } from './packet-path/router.js';
import type { Measurement } from './result-table.js';

const COUNTS = [10, 100, 1_000, 5_000];
const TRAFFIC: readonly { readonly row: string; readonly traffic: Traffic; readonly packets: number }[] = [
  { row: 'a packet of an established flow', traffic: 'established', packets: 30_000 },
  { row: 'a packet of a new flow', traffic: 'new', packets: 30_000 },
  { row: 'a new TCP connection', traffic: 'connect', packets: 3_000 },
];

/** Processor time of a packet's whole path between two endpoints of one host, among more and more endpoints. */
export async function measurePacketPath(rounds: number): Promise<readonly Measurement[]> {
  const measurements: Measurement[] = [];
  for (const count of COUNTS) measurements.push(...(await measureAmong(count, rounds)));
  return measurements;
}

async function measureAmong(count: number, rounds: number): Promise<readonly Measurement[]> {
  const endpoints = endpointsOfOneHost(count);
  const routers: { readonly variant: string; readonly router: Router }[] = [];
  try {
    for (const layout of LAYOUTS) routers.push({ variant: layout.name, router: await Router.up(layout, endpoints) });
    const all = TRAFFIC.flatMap((one) => routers.map((router) => ({ ...one, ...router, samples: [] as number[] })));
    for (let round = 0; round <= rounds; round++) {
      for (const { router, traffic, packets, samples } of all) {
        // The first round warms caches.
        if (round === 0) await router.measure(traffic, packets / 20);
        else samples.push((await router.measure(traffic, packets)) / 1_000);
      }
    }
    return all.map(({ row, variant, samples }) => ({
      row: `${row}, ${count} endpoints`,
      variant,
      unit: 'µs',
      samples,
    }));
  } finally {
    await Promise.all(routers.map(({ router }) => router.down()));
  }
}
