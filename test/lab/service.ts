import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Something that runs in a lab host until it is stopped, with its output in a file. */
export class Service {
  readonly logFile: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #signal: (signal: NodeJS.Signals) => Promise<unknown>;

  /** @param signal sends a signal to the process itself: `child` may be a wrapper that only waits for it */
  constructor(child: ChildProcess, logFile: string, signal: (signal: NodeJS.Signals) => Promise<unknown>) {
    this.#child = child;
    this.logFile = logFile;
    this.#signal = signal;
    this.#exited = once(child, 'exit');
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves when it has ended. With SIGKILL this is the crash; what it left behind stays. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    if (!this.running) return;
    await this.#signal(signal);
    await this.#exited;
  }

  /** Asks `ready` every few milliseconds. @throws Error with the end of the log when it ends or time is up first */
  async waitUntil(ready: () => Promise<boolean>, limitMs: number): Promise<void> {
    const deadline = Date.now() + limitMs;
    while (this.running && Date.now() < deadline) {
      if (await ready()) return;
      await sleep(15);
    }
    throw new Error(
      `${this.running ? `not ready after ${limitMs} ms` : 'ended early'}; its log ends:\n${this.logTail()}`,
    );
  }

  /** All that it and its predecessors of the same name have said. */
  log(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  logTail(lines = 25): string {
    return this.log().trimEnd().split('\n').slice(-lines).join('\n');
  }
}

/** Starts a process whose output is appended to `logFile`. */
export function spawnLogged(command: readonly [string, ...string[]], logFile: string): ChildProcess {
  const log = openSync(logFile, 'a');
  const child = spawn(command[0], command.slice(1), { stdio: ['ignore', log, log] });
  closeSync(log);
  return child;
}
