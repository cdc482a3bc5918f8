import { createInterface } from 'node:readline';
import { afterAll } from '@jest/globals';
import type { CommandRunner } from '../../src/effects/command-runner.js';
import { silentLogger } from '../../src/effects/logger.js';
import type { Sysctl, Sysctls } from '../../src/effects/sysctls.js';
import { ExecaCommandRunner } from '../../src/infrastructure/linux/execa-command-runner.js';
import { HelperProcess } from '../../src/infrastructure/linux/helper-process.js';
import { KernelError } from '../../src/model/errors.js';

let count = 0;
/** Namespaces that are not disposed of yet. */
const open = new Set<TestNamespace>();

// What a test that failed half-way left would keep the test process from ending.
afterAll(async () => {
  for (const namespace of open) await namespace.dispose().catch((error) => console.warn(String(error)));
});

const host = new ExecaCommandRunner();

/**
 * A network namespace made for a test, and ended with it. `runner` runs programs in it; `sysctls` are its own settings,
 * written by a shell that lives in it, because a Node process cannot change its namespace.
 */
export class TestNamespace {
  readonly name: string;
  readonly runner: CommandRunner;
  readonly sysctls: Sysctls;
  readonly #shell: HelperProcess;

  private constructor(name: string) {
    this.name = name;
    this.runner = new ExecaCommandRunner({ prefix: ['nsenter', `--net=/run/netns/${name}`] });
    this.#shell = new HelperProcess(
      this.runner,
      {
        program: 'sh',
        args: ['-c', 'exec sh 2>&1'],
        barrier: (n) => `echo "done ${n}"\n`,
        isAnswer: (line, n) => line === `done ${n}`,
        isNoise: () => false,
      },
      silentLogger,
    );
    this.sysctls = new ShellSysctls(this.#shell);
  }

  /** With loopback up. */
  static async create(label = 'ns'): Promise<TestNamespace> {
    const name = `cordt-${label}-${process.pid}-${++count}`;
    await succeed(host, 'ip', ['netns', 'add', name]);
    const namespace = new TestNamespace(name);
    open.add(namespace);
    await namespace.ip('link set lo up');
    return namespace;
  }

  /** Runs `ip` with these words; what it printed. @throws if it fails */
  ip(words: string): Promise<string> {
    return this.exec('ip', ...words.split(' '));
  }

  exec(program: string, ...args: readonly string[]): Promise<string> {
    return succeed(this.runner, program, args);
  }

  /** Exit code 0? */
  async succeeds(program: string, ...args: readonly string[]): Promise<boolean> {
    return (await this.runner.run(program, args)).exitCode === 0;
  }

  async dispose(): Promise<void> {
    if (!open.delete(this)) return;
    this.#shell.stop();
    await succeed(host, 'ip', ['netns', 'del', this.name]);
  }
}

/** Why tests of this kind cannot run here; undefined if they can. */
export function netnsUnavailable(): string | undefined {
  return process.getuid?.() === 0 ? undefined : 'network namespaces need root';
}

class ShellSysctls implements Sysctls {
  readonly #shell: HelperProcess;
  constructor(shell: HelperProcess) {
    this.#shell = shell;
  }
  async write(settings: readonly Sysctl[]): Promise<void> {
    const script = settings.map(({ path, value }) => `echo ${value} > /proc/sys/${path}\n`).join('');
    const complaints = await this.#shell.exchange(script, 5_000);
    if (complaints.length > 0) throw new KernelError('a kernel setting could not be set', complaints.join('\n'));
  }
  async read(paths: readonly string[]): Promise<readonly (string | undefined)[]> {
    const script = paths.map((path) => `cat /proc/sys/${path} 2>/dev/null || echo ABSENT\n`).join('');
    return (await this.#shell.exchange(script, 5_000)).map((value) => (value === 'ABSENT' ? undefined : value));
  }
  async list(path: string): Promise<readonly string[]> {
    return this.#shell.exchange(`ls /proc/sys/${path} 2>/dev/null\n`, 5_000);
  }
}

async function succeed(runner: CommandRunner, program: string, args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runner.run(program, args);
  if (exitCode === 0) return stdout;
  throw new Error(`${program} ${args.join(' ')} failed with ${exitCode}: ${stderr}${stdout}`);
}

/** A program that stays until the test ends it, with what it printed so far. */
export function startIn(
  namespace: TestNamespace,
  program: string,
  ...args: readonly string[]
): {
  readonly pid: number;
  readonly lines: string[];
  readonly ended: Promise<string>;
  write(text: string): void;
  kill(): void;
} {
  const running = namespace.runner.start(program, args);
  const lines: string[] = [];
  createInterface({ input: running.stdout }).on('line', (line) => lines.push(line));
  running.stderr.resume();
  const { pid, ended } = running;
  return { pid, lines, ended, write: (text) => running.stdin.write(text), kill: () => running.kill() };
}
