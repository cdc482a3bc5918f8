import { readFileSync } from 'node:fs';
import { quantile } from '../statistics.js';

/** One line of the table. */
interface ScaleFigure {
  readonly what: string;
  readonly measured: string;
  /** Of the machine, over the minute before. */
  readonly load: string;
}

/** The lines of the table, told as they come. */
export class ScaleFigures {
  readonly #figures: ScaleFigure[] = [];
  readonly #tell: (text: string) => void;

  constructor(tell: (text: string) => void) {
    this.#tell = tell;
  }

  add(what: string, measured: string): void {
    const [load = ''] = readFileSync('/proc/loadavg', 'utf8').split(' ');
    this.#tell(`${what}: ${measured} (load ${load})`);
    this.#figures.push({ what, measured, load });
  }

  /** What fails is a line of the table too: what comes after it is measured all the same. */
  async attempt(what: string, deed: () => Promise<void>): Promise<void> {
    try {
      await deed();
    } catch (error) {
      const words = (error instanceof Error ? error.message : String(error)).trim().split('\n');
      this.#tell(words.join('\n'));
      const why = words.find((line) => /^\w*Error: /.test(line)) ?? words[0] ?? '';
      this.add(what, `failed: ${why.slice(0, 300)}`);
    }
  }

  /** As Markdown. */
  toString(): string {
    return [
      '| one agent in the cluster | measured | load |',
      '|---|---|---|',
      ...this.#figures.map(({ what, measured, load }) => `| ${what} | ${measured} | ${load} |`),
    ].join('\n');
  }
}

export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

export function milliseconds(samples: readonly number[]): string {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (part: number): string => quantile(sorted, part).toFixed(0);
  return sorted.length === 1
    ? `${at(0)} ms`
    : `median ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms (${sorted.length})`;
}
