import { CommanderError } from 'commander';
import { CommandFailure, EXIT } from './failure.js';
import type { Terminal } from './terminal.js';

/** Tells the user what went wrong. @returns the exit code */
export function report(error: unknown, terminal: Terminal): number {
  // commander has printed its own words already; help and version are no failures.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const word = terminal.paint('red', 'error');
  if (error instanceof CommandFailure) {
    terminal.streams.err(`${word}: ${error.message}\n  try: ${error.remedy}\n`);
    return error.exitCode;
  }
  const text = error instanceof Error ? error.message : String(error);
  terminal.streams.err(`${word}: ${text}\n`);
  return EXIT.failed;
}
