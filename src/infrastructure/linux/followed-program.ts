import { createInterface } from 'node:readline';
import type { CommandRunner, RunningCommand } from '../../effects/command-runner.js';
import type { Logger } from '../../effects/logger.js';

/** From the end of the program to its next start, in ms. */
const RESTART_MS = 1_000;

/**
 * Starts a program that tells of changes line by line, and reads it for ever: when it ends it is started again, and
 * `onRestart` says that lines may be missing. Nothing is called after `close`, which ends the program.
 */
export function followProgram(options: {
  readonly runner: CommandRunner;
  readonly command: readonly [string, ...string[]];
  readonly log: Logger;
  readonly onLine: (line: string) => void;
  readonly onRestart: () => void;
}): { close(): void } {
  const { runner, command, log, onLine, onRestart } = options;
  let closed = false;
  let running: RunningCommand | undefined;
  let timer: NodeJS.Timeout | undefined;
  const start = () => {
    // Without it, what is written into a pipe comes a buffer at a time.
    running = runner.start('stdbuf', ['-oL', ...command]);
    createInterface({ input: running.stdout }).on('line', (line) => {
      if (!closed) onLine(line);
    });
    running.stderr.resume();
    void running.ended.then((how) => {
      if (closed) return;
      log.warn({ how }, `${command[0]} ended, which tells of changes; it is started again`);
      timer = setTimeout(() => {
        start();
        onRestart();
      }, RESTART_MS);
    });
  };
  start();
  return {
    close: () => {
      closed = true;
      clearTimeout(timer);
      running?.kill();
    },
  };
}
