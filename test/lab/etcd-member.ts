import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { threadsStandStill } from '../etcd/etcd-server.js';
import type { Outside } from './outside.js';

/** One etcd process in the outside's network. It can be killed, stopped in its tracks, and brought back with its data. */
export class EtcdMember {
  readonly address: string;
  /** Its client URL. */
  readonly endpoint: string;
  readonly #command: readonly [string, ...string[]];
  #process: ChildProcess | undefined;

  constructor(outside: Outside, address: string, scheme: 'http' | 'https', flags: readonly string[]) {
    this.address = address;
    this.endpoint = `${scheme}://${address}:2379`;
    const urls = ['--listen-client-urls', this.endpoint, '--advertise-client-urls', this.endpoint];
    // It ends with this process, even when that is killed.
    this.#command = outside.command(['setpriv', '--pdeathsig', 'KILL', 'etcd', ...urls, ...flags]);
  }

  /** Also after `kill`. It may not answer yet. */
  start(): void {
    const [file, ...rest] = this.#command;
    this.#process = spawn(file, rest, { stdio: ['ignore', 'ignore', 'inherit'] });
  }

  /** As `kill -9` does, and resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** The process stands still, and all its threads do when this resolves: connections stay open and nothing answers. */
  async freeze(): Promise<void> {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error(`the etcd at ${this.address} does not run`);
    this.#process?.kill('SIGSTOP');
    while (!(await threadsStandStill(pid))) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** Whatever a test did to it: it runs again. */
  revive(): void {
    if (this.#process === undefined) this.start();
    else this.#process.kill('SIGCONT');
  }
}
