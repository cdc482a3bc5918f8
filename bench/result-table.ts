import { type Summary, summarise } from './statistics.js';

/** One line of the table: a variant of one row of what is to be reached. */
export interface Measurement {
  readonly row: string;
  readonly variant: string;
  readonly unit: 'ms' | 'µs' | 'Gbit/s' | 'per second' | 'conflicts' | 'of 1';
  readonly samples: readonly number[];
}

/**
 * Markdown, one line for each measurement in the order given. The ratio is to the row's first variant, ours: how many
 * times as long the variant takes, or as many it does, as ours.
 */
export function formatTable(measurements: readonly Measurement[]): string {
  const lines = measurements.map(({ row, variant, unit, samples }) => {
    const summary = summarise(samples);
    const first = measurements.find((one) => one.row === row) ?? { samples };
    const ratio = summary.median / summarise(first.samples).median;
    return `| ${row} | ${variant} | ${number(summary.median)} ${unit} | ${spread(summary)} | ${highest(summary)} | ${summary.count} | ${ratio.toFixed(2)} |`;
  });
  return [
    '| what | variant | median | p10 to p90 | p99 | n | to ours |',
    '|---|---|---|---|---|---|---|',
    ...lines,
  ].join('\n');
}

const number = (value: number): string => (value < 100 ? value.toFixed(2) : value.toFixed(0));
const spread = ({ p10, p90, count }: Summary): string => (count > 2 ? `${number(p10)} to ${number(p90)}` : '');
const highest = ({ p99, count }: Summary): string => (count >= 20 ? number(p99) : '');
