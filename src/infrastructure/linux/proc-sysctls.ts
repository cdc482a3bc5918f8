import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import type { CommandRunner } from '../../effects/command-runner.js';
import type { Logger } from '../../effects/logger.js';
import type { Sysctl, Sysctls } from '../../effects/sysctls.js';
import { KernelError } from '../../model/errors.js';
import { HelperProcess } from './helper-process.js';
import { SHELL } from './shell-runner.js';

const USUAL = '/proc/sys';
/** Inside a container, a managed plugin's too, /proc/sys is read-only: a second /proc is mounted here for us. */
const OWN_PROC = '/opt/corduroy/proc';
const TIMEOUT_MS = 5_000;

/**
 * Written under the lock under which the links of all namespaces are changed: not where it is so already. One digit; the
 * kernel gives a shell, which reads byte by byte, no more.
 */
const UNDER_LOCK = /\/(forwarding|disable_ipv6)$/;

/**
 * Settings under /proc/sys of this process's own network namespace. Read here, since the kernel answers in 0.02 ms; written
 * by a shell that stays, since what waits for a lock must hold up nothing else.
 */
export class ProcSysctls implements Sysctls {
  readonly #base: string;
  readonly #shell: HelperProcess;

  /** @param base the folder of the settings */
  constructor(runner: CommandRunner, log: Logger, base = writableSettings() ?? USUAL) {
    this.#base = base;
    this.#shell = new HelperProcess(runner, SHELL, log);
  }

  async write(settings: readonly Sysctl[]): Promise<void> {
    if (settings.length === 0) return;
    const commands = settings.map((setting, i) => `${this.#command(setting)} || echo failed ${i}`);
    const said = await this.#shell.exchange(`${commands.join('\n')}\n`, TIMEOUT_MS);
    const failed = settings[Number(said.find((line) => line.startsWith('failed '))?.slice('failed '.length) ?? -1)];
    if (failed === undefined) return;
    const why = said.find((line) => !line.startsWith('failed ')) ?? '';
    const remedy = /Read-only/.test(why) ? `mount a /proc of its own at ${OWN_PROC}` : 'run the daemon as root';
    throw new KernelError(
      `the kernel setting ${failed.path} could not be set to ${failed.value} (${why}); ${remedy}`,
      why,
    );
  }

  read(paths: readonly string[]): Promise<readonly (string | undefined)[]> {
    return Promise.resolve(paths.map((path) => this.#readOne(path)));
  }

  list(path: string): Promise<readonly string[]> {
    try {
      return Promise.resolve(readdirSync(`${this.#base}/${path}`));
    } catch {
      return Promise.resolve([]);
    }
  }

  #command({ path, value }: Sysctl): string {
    const file = `${this.#base}/${path}`;
    const write = `echo ${value} >${file}`;
    return UNDER_LOCK.test(path) ? `v=; read -r v <${file}; [ "$v" = ${value} ] || ${write}` : write;
  }

  helperPid(): number | undefined {
    return this.#shell.pid;
  }

  close(): void {
    this.#shell.stop();
  }

  #readOne(path: string): string | undefined {
    try {
      return readFileSync(`${this.#base}/${path}`, 'utf8').trimEnd();
    } catch {
      return undefined;
    }
  }
}

/** Where the kernel's network settings can be written; undefined: nowhere. */
export function writableSettings(): string | undefined {
  return [USUAL, `${OWN_PROC}/sys`].find((base) => {
    try {
      accessSync(`${base}/net/ipv4/ip_forward`, constants.W_OK);
      return true;
    } catch {
      return false;
    }
  });
}
