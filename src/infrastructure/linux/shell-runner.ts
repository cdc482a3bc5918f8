import type { CommandResult, CommandRunner } from '../../effects/command-runner.js';
import type { Logger } from '../../effects/logger.js';
import { type HelperKind, HelperProcess } from './helper-process.js';

const DEFAULT_TIMEOUT_MS = 10_000;

/** Complaints go to the same pipe as answers, and so stand before them. */
export const SHELL: HelperKind = {
  program: 'sh',
  args: ['-c', 'exec sh -s 2>&1'],
  barrier: (n) => `echo done ${n}\n`,
  isAnswer: (line, n) => line === `done ${n}`,
  isNoise: () => false,
};

const EXIT_CODE = /^exit code (\d+)$/;

/**
 * Runs programs out of a shell that stays, one after the other: a process of the daemon's size stands still for some
 * milliseconds whenever it starts another. Both outputs come in one: `stdout` if the program succeeded, else `stderr`.
 */
export class ShellRunner implements Pick<CommandRunner, 'run'> {
  readonly #shell: HelperProcess;

  constructor(runner: CommandRunner, log: Logger) {
    this.#shell = new HelperProcess(runner, SHELL, log);
  }

  /** @throws KernelError if the shell ended, or there was no answer within `timeoutMs` */
  async run(
    program: string,
    args: readonly string[],
    { timeoutMs = DEFAULT_TIMEOUT_MS }: { readonly timeoutMs?: number } = {},
  ): Promise<CommandResult> {
    const words = [program, ...args].map(quoted).join(' ');
    const said = await this.#shell.exchange(`${words} </dev/null; printf '\\nexit code %d\\n' $?\n`, timeoutMs);
    const exitCode = Number(EXIT_CODE.exec(said.at(-1) ?? '')?.[1] ?? -1);
    const text = said.slice(0, -1).join('\n');
    return { exitCode, stdout: exitCode === 0 ? text : '', stderr: exitCode === 0 ? '' : text };
  }

  helperPid(): number | undefined {
    return this.#shell.pid;
  }

  close(): void {
    this.#shell.stop();
  }
}

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;
