import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Sysctl, Sysctls } from '../../effects/sysctls.js';
import { KernelError } from '../../model/errors.js';

/**
 * Settings under /proc/sys, synchronously: the kernel answers in 0.02 ms, a tenth of what a trip through the thread pool
 * takes. They are those of this process's own network namespace.
 */
export class ProcSysctls implements Sysctls {
  readonly #base: string;

  constructor(base = '/proc/sys') {
    this.#base = base;
  }

  write(settings: readonly Sysctl[]): Promise<void> {
    for (const { path, value } of settings) {
      try {
        writeFileSync(`${this.#base}/${path}`, value);
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        return Promise.reject(
          new KernelError(`the kernel setting ${path} could not be set to ${value}: run the daemon as root`, why, {
            cause,
          }),
        );
      }
    }
    return Promise.resolve();
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

  #readOne(path: string): string | undefined {
    try {
      return readFileSync(`${this.#base}/${path}`, 'utf8').trimEnd();
    } catch {
      return undefined;
    }
  }
}
