import type { Readable, Writable } from 'node:stream';

/** How a program ended, and all that it wrote. */
export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that was started to be talked to. */
export interface RunningCommand {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves, never rejects, when the program has ended and its output is read; the text says how it ended. */
  readonly ended: Promise<string>;
  /** SIGKILL; harmless when it has ended already. */
  kill(): void;
}

/** Programs of the host, run in one network namespace, in the C locale, never through a shell. */
export interface CommandRunner {
  /**
   * Runs a program to its end. An exit code other than 0 is a result, not an error.
   *
   * @throws KernelError if the program is not installed, or has not ended within `timeoutMs` (10 s by default)
   */
  run(
    program: string,
    args: readonly string[],
    options?: { readonly input?: string; readonly timeoutMs?: number },
  ): Promise<CommandResult>;
  start(program: string, args: readonly string[]): RunningCommand;
}
