/** Exit codes: what scripts may rely on. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

/** A command that ended without doing what was asked: what failed and why, what to do, and how the process exits. */
export class CommandFailure extends Error {
  readonly remedy: string;
  readonly exitCode: number;
  constructor(message: string, remedy: string, exitCode: number = EXIT.failed) {
    super(message);
    this.name = 'CommandFailure';
    this.remedy = remedy;
    this.exitCode = exitCode;
  }
}

/** Nobody answers on the admin socket: some commands can do without the daemon. */
export class DaemonNotRunning extends CommandFailure {}

export const usageError = (message: string, remedy: string): CommandFailure =>
  new CommandFailure(message, remedy, EXIT.usage);
