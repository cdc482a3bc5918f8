import type { CommandRunner } from '../../effects/command-runner.js';
import type { Logger } from '../../effects/logger.js';
import type { PacketFilter, PacketFilterBackend } from '../../effects/packet-filter.js';
import type { Hook, Table } from '../../model/chain.js';
import { KernelError } from '../../model/errors.js';
import type { IpFamily } from '../../model/ip-address.js';
import { type HelperKind, HelperProcess } from './helper-process.js';

const BASE_TIMEOUT_MS = 5_000;
/** A bulk load takes about 0.03 ms a rule; legacy tables and a loaded machine many times that. */
const TIMEOUT_MS_PER_LINE = 1;
/** Seconds that a legacy tool waits for the xtables lock, which Docker holds while it works. */
const LOCK_WAIT_S = '5';

const prefixOf = (family: IpFamily): string => (family === 4 ? 'iptables' : 'ip6tables');

/** `iptables-nft-restore`, `ip6tables-legacy-save`, ... : each backend by its own name, whatever `iptables` points to. */
export const iptablesTool = (family: IpFamily, backend: PacketFilterBackend, verb: 'restore' | 'save'): string =>
  `${prefixOf(family)}-${backend}-${verb}`;

/**
 * iptables-restore with its input kept open: it commits at each COMMIT, and with -v it echoes comment lines, which tells
 * that all before them is done. At the first error it ends; the transaction at fault changed nothing.
 */
const restoreKind = (family: IpFamily, backend: PacketFilterBackend): HelperKind => ({
  program: 'stdbuf',
  args: ['-oL', iptablesTool(family, backend, 'restore'), '--noflush', '--verbose', '--wait', LOCK_WAIT_S],
  barrier: (n) => `# done ${n}\n`,
  isAnswer: (line, n) => line === `# done ${n}`,
  isNoise: (line) => line === '' || /^(#|Flushing|Deleting|Setting|Zeroing)/.test(line),
});

/** One family's packet filter through a persistent iptables-restore. */
export class IptablesRestorePacketFilter implements PacketFilter {
  readonly family: IpFamily;
  readonly backend: PacketFilterBackend;
  readonly #runner: CommandRunner;
  readonly #helper: HelperProcess;
  #last: Promise<unknown> = Promise.resolve();

  constructor(runner: CommandRunner, family: IpFamily, backend: PacketFilterBackend, log: Logger) {
    this.#runner = runner;
    this.family = family;
    this.backend = backend;
    this.#helper = new HelperProcess(runner, restoreKind(family, backend), log);
  }

  load(text: string): Promise<void> {
    // One at a time: what stands behind a refused transaction in the helper's input would be lost with it.
    const loaded = this.#last.then(() => this.#load(text));
    this.#last = loaded.catch(() => {});
    return loaded;
  }

  async #load(text: string): Promise<void> {
    if (text === '') return;
    const timeoutMs = BASE_TIMEOUT_MS + (TIMEOUT_MS_PER_LINE * text.length) / 40;
    try {
      await this.#helper.exchange(text.endsWith('\n') ? text : `${text}\n`, timeoutMs);
    } catch (cause) {
      const detail = cause instanceof KernelError ? cause.detail : '';
      throw new KernelError(
        `the IPv${this.family} packet filter (${this.backend}) refused a change; the rules before it are still in force`,
        detail,
        { cause },
      );
    }
  }

  /** The rules in these of the kernel's own chains (`mangle FORWARD`), through the helper: a tenth of a millisecond. */
  async hookRules(hooks: readonly { readonly table: Table; readonly hook: Hook }[]): Promise<string> {
    const text = hooks.map(({ table, hook }) => `*${table}\n-S ${hook}\nCOMMIT\n`).join('');
    const read = this.#last.then(() => this.#helper.exchange(text, BASE_TIMEOUT_MS));
    this.#last = read.catch(() => {});
    return (await read).join('\n').replace(/ -c \d+ \d+/g, '');
  }

  async save(): Promise<string> {
    const program = iptablesTool(this.family, this.backend, 'save');
    const { exitCode, stdout, stderr } = await this.#runner.run(program, [], { timeoutMs: 30_000 });
    // "incompatible, use 'nft' tool": a table that iptables cannot express is left out, with exit code 0.
    if (exitCode === 0 && !/is incompatible/.test(stdout)) {
      if (isWholeSave(stdout)) return stdout;
      throw new KernelError(
        `the output of ${program} is not understood; nothing is changed by it; see "corduroy check"`,
        stdout.slice(-200),
      );
    }
    throw new KernelError(
      `${program} cannot read the packet filter: ${stderr.trim() || 'a table was changed with the nft tool in a way that iptables cannot express; remove that change'}`,
      stderr,
    );
  }

  helperPid(): number | undefined {
    return this.#helper.pid;
  }

  close(): void {
    this.#helper.stop();
  }
}

/** Whether each table has its end, and there is nothing else: what is cut off would read as rules that are gone. */
export function isWholeSave(text: string): boolean {
  let open = false;
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const isInside = line === 'COMMIT' || line.startsWith(':') || line.startsWith('-A ') || line.startsWith('[');
    if (open !== isInside || !(isInside || line.startsWith('*'))) return false;
    open = line !== 'COMMIT';
  }
  return !open;
}
