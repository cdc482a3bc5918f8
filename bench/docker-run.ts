import { TEST_IMAGE } from '../test/lab/test-image.js';
import type { BenchHost } from './bench-host.js';
import type { Measurement } from './result-table.js';

/** Networks to run on: ours first, then Docker's own, and the floor. */
const VARIANTS = [
  { variant: 'corduroy', network: 'load' },
  { variant: 'user bridge', network: 'plain' },
  { variant: 'none', network: 'none' },
  { variant: 'host', network: 'host' },
] as const;

async function timed(deed: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await deed();
  return performance.now() - begun;
}

/** What a person waits for at the prompt, the docker command itself included. */
export async function measureDockerRun({ host }: BenchHost, rounds: number): Promise<readonly Measurement[]> {
  await host.docker('network', 'create', 'plain');
  const measurements = ['docker run --rm', 'docker run -d', 'docker rm -f'].flatMap((row) =>
    VARIANTS.map(({ variant, network }) => ({ row, variant, network, unit: 'ms' as const, samples: [] as number[] })),
  );
  const samplesOf = (row: string, network: string): number[] =>
    measurements.find((one) => one.row === row && one.network === network)?.samples ?? [];
  for (let round = 0; round <= rounds; round++) {
    for (const { network } of VARIANTS) {
      const once = await timed(() => host.docker('run', '--rm', '--net', network, TEST_IMAGE, 'true'));
      const start = await timed(() => host.docker('run', '-d', '--name', 'timed', '--net', network, TEST_IMAGE));
      const end = await timed(() => host.docker('rm', '-f', 'timed'));
      // The first round warms caches.
      if (round === 0) continue;
      samplesOf('docker run --rm', network).push(once);
      samplesOf('docker run -d', network).push(start);
      samplesOf('docker rm -f', network).push(end);
    }
  }
  await host.docker('network', 'rm', 'plain');
  return measurements;
}
