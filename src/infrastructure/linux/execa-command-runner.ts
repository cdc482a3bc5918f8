import { execa } from 'execa';
import type { CommandResult, CommandRunner, RunningCommand } from '../../effects/command-runner.js';
import { KernelError } from '../../model/errors.js';

const DEFAULT_TIMEOUT_MS = 10_000;
const MAX_OUTPUT_BYTES = 512 * 1024 * 1024;

/** Debian keeps the tools in sbin, which a service's or a user's PATH may lack. */
const SBIN = '/usr/local/sbin:/usr/sbin:/sbin';

/** Runs programs with execa, in the network namespace that `prefix` enters, such as `ip netns exec NAME`. */
export class ExecaCommandRunner implements CommandRunner {
  readonly #prefix: readonly string[];

  constructor(options: { readonly prefix?: readonly string[] } = {}) {
    this.#prefix = options.prefix ?? [];
  }

  async run(
    program: string,
    args: readonly string[],
    options: { readonly input?: string; readonly timeoutMs?: number } = {},
  ): Promise<CommandResult> {
    const timeout = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const [file, ...rest] = this.#commandLine(program, args);
    const result = await execa(file, rest, {
      reject: false,
      timeout,
      killSignal: 'SIGKILL',
      maxBuffer: MAX_OUTPUT_BYTES,
      stripFinalNewline: false,
      env: environment(),
      ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    });
    if (result.code === 'ENOENT') throw missing(file);
    if (result.timedOut) {
      throw new KernelError(
        `${program} ${args.join(' ')} did not end within ${timeout} ms and was killed: the kernel or the machine is overloaded; it will be tried again`,
        result.stderr,
      );
    }
    return { exitCode: result.exitCode ?? -1, stdout: result.stdout, stderr: result.stderr };
  }

  start(program: string, args: readonly string[]): RunningCommand {
    const [file, ...rest] = this.#commandLine(program, args);
    const child = execa(file, rest, {
      reject: false,
      buffer: false,
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
      env: environment(),
    });
    // A helper that died makes the next write fail with EPIPE; `ended` already tells that it did.
    child.stdin.on('error', () => {});
    return {
      pid: child.pid ?? -1,
      stdin: child.stdin,
      stdout: child.stdout,
      stderr: child.stderr,
      ended: child.then((result) =>
        result.code === 'ENOENT'
          ? missing(file).message
          : (result.shortMessage ?? `${program} ended with exit code ${result.exitCode ?? 'unknown'}`),
      ),
      kill: () => {
        child.kill('SIGKILL');
      },
    };
  }

  #commandLine(program: string, args: readonly string[]): [string, ...string[]] {
    return [...this.#prefix, program, ...args] as [string, ...string[]];
  }
}

const environment = (): NodeJS.ProcessEnv => ({
  LC_ALL: 'C',
  PATH: `${process.env['PATH'] ?? ''}:${SBIN}:/usr/bin:/bin`,
});

const PACKAGES: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  ipset: 'ipset',
  conntrack: 'conntrack',
  stdbuf: 'coreutils',
  nsenter: 'util-linux',
  bird: 'bird2',
};

function missing(program: string): KernelError {
  const name = PACKAGES[program] ?? (/tables/.test(program) ? 'iptables' : undefined);
  const cure = name === undefined ? `install it` : `install it with: apt-get install ${name}`;
  return new KernelError(`${program} is not installed: ${cure}`, 'ENOENT');
}
