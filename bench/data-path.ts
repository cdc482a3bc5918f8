import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { dataPathLab, LIMIT } from './data-path/lab.js';
import { type Panel, svgOf } from './data-path/plot.js';
import { iperf3, qperf } from './data-path/tools.js';
import type { Variant } from './data-path/variants.js';
import type { Measurement } from './result-table.js';
import { summarise } from './statistics.js';

const PLOT = fileURLToPath(new URL('../../docs/data-path.svg', import.meta.url));
const KIB = 1024;
/** Sizes of messages in bytes: 1 to 64 KiB, each four times the last. */
const SIZES = Array.from({ length: 9 }, (_, index) => 4 ** index);

/** One thing to measure in every variant. */
interface Kind {
  readonly row: string;
  readonly unit: 'Gbit/s' | 'µs';
  take(variant: Variant): Promise<number>;
}

const KINDS: readonly Kind[] = [
  { row: 'qperf tcp_bw, 64 KiB', unit: 'Gbit/s', take: (variant) => qperf(variant, 'tcp_bw', 64 * KIB) },
  { row: 'qperf tcp_lat, 64 KiB', unit: 'µs', take: (variant) => qperf(variant, 'tcp_lat', 64 * KIB) },
  { row: 'qperf tcp_lat, 1 byte', unit: 'µs', take: (variant) => qperf(variant, 'tcp_lat', 1) },
  { row: 'iperf3', unit: 'Gbit/s', take: iperf3 },
];

/** Bandwidth and latency between containers on two hosts, each variant once in each round, in turn. */
export async function measureDataPath(rounds: number): Promise<readonly Measurement[]> {
  const lab = await dataPathLab();
  try {
    const all = await inTurn(KINDS, [...lab.variants, lab.control], rounds);
    return [...all, ...all.flatMap((one) => toLimit(one, all))];
  } finally {
    await lab.down();
  }
}

/** The same by the size of messages: draws docs/data-path.svg. */
export async function plotMessageSizes(rounds: number): Promise<void> {
  const lab = await dataPathLab();
  try {
    await plotBySize(lab.variants, rounds);
  } finally {
    await lab.down();
  }
}

async function inTurn(
  kinds: readonly Kind[],
  variants: readonly Variant[],
  rounds: number,
): Promise<readonly Measurement[]> {
  const all = kinds.flatMap((kind) => variants.map((variant) => ({ ...kind, variant, samples: [] as number[] })));
  for (let round = 0; round < rounds; round++) {
    for (const { take, variant, samples } of all) samples.push(await take(variant));
  }
  return all.map(({ row, unit, variant, samples }) => ({ row, unit, variant: variant.name, samples }));
}

/**
 * What each round of ours, and of the control, reached of the same round of the limit, 1 where they are equal, less where
 * it is worse.
 */
function toLimit({ row, variant, unit, samples }: Measurement, all: readonly Measurement[]): readonly Measurement[] {
  const limit = all.find((one) => one.row === row && one.variant === LIMIT)?.samples ?? [];
  if (!variant.startsWith('corduroy') && !variant.startsWith(`${LIMIT},`)) return [];
  const reached = samples.map((value, round) => {
    const best = limit[round] ?? Number.NaN;
    return unit === 'µs' ? best / value : value / best;
  });
  return [{ row: `${row}, part of hand-made, round by round`, variant, unit: 'of 1', samples: reached }];
}

async function plotBySize(variants: readonly Variant[], rounds: number): Promise<void> {
  const panel = async (test: 'tcp_bw' | 'tcp_lat', title: string, yLabel: string): Promise<Panel> => {
    const kinds = SIZES.map(
      (bytes): Kind => ({ row: `${bytes}`, unit: 'µs', take: (variant) => qperf(variant, test, bytes) }),
    );
    const measured = await inTurn(kinds, variants, rounds);
    const series = variants.map(({ name }) => ({
      name,
      points: measured
        .filter(({ variant }) => variant === name)
        .map(({ row, samples }) => ({ x: Number(row), y: summarise(samples).median })),
    }));
    return { title, xLabel: 'size of messages', yLabel, series };
  };
  const panels = [
    await panel('tcp_bw', 'Bandwidth (qperf tcp_bw)', 'Gbit/s, more is better'),
    await panel('tcp_lat', 'Latency (qperf tcp_lat)', 'µs one way, less is better'),
  ];
  const times = rounds === 1 ? 'one round' : `medians of ${rounds} rounds`;
  writeFileSync(PLOT, svgOf(`From a container to one on another host, ${times}`, panels));
}
