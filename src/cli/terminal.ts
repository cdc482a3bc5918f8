import { styleText } from 'node:util';
import type { AdminClient, Change } from './admin-client.js';
import { EXIT } from './failure.js';
import { type Column, formatFields, formatTable } from './table.js';

export type OutputFormat = 'table' | 'wide' | 'json' | 'yaml';
export const OUTPUT_FORMATS: readonly OutputFormat[] = ['table', 'wide', 'json', 'yaml'];

/** Where a command reads and writes. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Standard input to its end. */
  readonly readInput: () => Promise<string>;
  readonly colour: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** What a command is given: the daemon, and how to show what it says. */
export class Terminal {
  readonly streams: Streams;
  readonly #options: () => { readonly format: OutputFormat; readonly client: AdminClient };
  exitCode: number = EXIT.done;

  /** @param options asked when first needed: they are known once the command line is parsed */
  constructor(streams: Streams, options: () => { readonly format: OutputFormat; readonly client: AdminClient }) {
    this.streams = streams;
    this.#options = options;
  }

  get client(): AdminClient {
    return this.#options().client;
  }

  get format(): OutputFormat {
    return this.#options().format;
  }

  async list<T>(rows: readonly T[], columns: readonly Column<T>[]): Promise<void> {
    if (await this.data(rows)) return;
    this.streams.out(formatTable(rows, columns, this.format === 'wide'));
  }

  async one<T>(row: T, columns: readonly Column<T>[]): Promise<void> {
    if (await this.data(row)) return;
    this.streams.out(formatFields(row, columns));
  }

  /** True if the format is for programs, and the value was printed in it. */
  async data(value: unknown): Promise<boolean> {
    if (this.format === 'json') this.streams.out(`${JSON.stringify(value, undefined, 2)}\n`);
    else if (this.format === 'yaml') this.streams.out((await import('yaml')).stringify(value));
    else return false;
    return true;
  }

  /** Tells what a change did. One that is stored but not in force is no success. */
  async changed(reply: unknown): Promise<void> {
    const { message, inForce, problem } = reply as Change;
    if (!inForce) this.exitCode = EXIT.failed;
    if (await this.data(reply)) return;
    this.streams.out(`${message}\n`);
    if (!inForce) this.streams.err(`${this.paint('yellow', 'warning')}: ${problem ?? 'it is not in force yet'}\n`);
  }

  text(text: string): void {
    this.streams.out(text);
  }

  paint(style: 'red' | 'yellow' | 'green' | 'bold', text: string): string {
    return this.streams.colour ? styleText(style, text, { validateStream: false }) : text;
  }
}
