import type { CommandRunner } from '../../effects/command-runner.js';
import type { IpSetCommand, IpSets, ReadIpSet } from '../../effects/ip-sets.js';
import type { Logger } from '../../effects/logger.js';
import { assertNever } from '../../model/assert-never.js';
import { describeError, KernelError } from '../../model/errors.js';
import type { IpSetMember, IpSetName } from '../../model/ip-set.js';
import { type HelperKind, HelperProcess } from './helper-process.js';

const BASE_TIMEOUT_MS = 5_000;
/** Members in one set; the kernel's default, 65,536, is less than a big cluster's endpoints. */
const MAX_MEMBERS = 1_048_576;

/** Between two looks at the sets' sizes, for the kernel tells nobody of changes; a look at 300 sets takes 2 ms. */
const WATCH_MS = 2_000;

/**
 * `ipset -` carries out each line as it comes and goes on after an error. Complaints go to the same pipe as answers, so
 * that they stand before the answer; that takes a shell's redirection.
 */
const IPSET: HelperKind = {
  program: 'sh',
  args: ['-c', 'exec stdbuf -oL ipset - 2>&1'],
  barrier: () => 'version\n',
  isAnswer: (line) => line.includes('protocol version'),
  isNoise: (line) => /^(ipset> ?)*$/.test(line),
};

/** ipsets through a persistent `ipset -`. */
export class InteractiveIpSets implements IpSets {
  readonly #runner: CommandRunner;
  readonly #helper: HelperProcess;
  readonly #log: Logger;
  /** Grows with each change of ours, when it begins and when it ends. */
  #changes = 0;

  constructor(runner: CommandRunner, log: Logger) {
    this.#runner = runner;
    this.#log = log;
    this.#helper = new HelperProcess(runner, IPSET, log);
  }

  async apply(commands: readonly IpSetCommand[]): Promise<void> {
    if (commands.length === 0) return;
    this.#changes++;
    try {
      await this.#apply(commands);
    } finally {
      this.#changes++;
    }
  }

  async #apply(commands: readonly IpSetCommand[]): Promise<void> {
    const lines = commands.map(ipSetCommandText);
    const answers = await this.#helper.exchange(`${lines.join('\n')}\n`, BASE_TIMEOUT_MS + commands.length);
    const destroysOnly = commands.every(({ kind }) => kind === 'destroy');
    const complaints = answers
      .map((line) => line.replace(/^(ipset> )+/, ''))
      .filter((line) => line !== '' && !(destroysOnly && line.includes('does not exist')));
    if (complaints.length === 0) return;
    throw new KernelError(
      `the kernel refused a change to the IP sets (${complaints.slice(0, 5).join('; ')}); the first of ${lines.length} commands was: ${lines[0] ?? ''}`,
      complaints.join('\n'),
    );
  }

  async ours(): Promise<readonly ReadIpSet[]> {
    const { exitCode, stdout, stderr } = await this.#runner.run('ipset', ['save'], { timeoutMs: 30_000 });
    if (exitCode !== 0) throw new KernelError(`ipset save failed: ${stderr.trim()}`, stderr);
    return parseIpSetSave(stdout);
  }

  watch(listener: () => void): { close(): void } {
    let last: { readonly sizes: string; readonly at: number } | undefined;
    let looking = false;
    const timer = setInterval(async () => {
      if (looking) return;
      looking = true;
      try {
        const at = this.#changes;
        const sizes = sizesOf(await this.#helper.exchange('list -t\n', BASE_TIMEOUT_MS));
        if (last?.at === this.#changes && last.sizes !== sizes) listener();
        // A change of ours came between: what was read may be from before or after it.
        last = at === this.#changes ? { sizes, at } : undefined;
      } catch (error) {
        this.#log.debug({ error: describeError(error) }, "the sets' sizes could not be read");
        last = undefined;
      } finally {
        looking = false;
      }
    }, WATCH_MS);
    timer.unref();
    return { close: () => clearInterval(timer) };
  }

  helperPid(): number | undefined {
    return this.#helper.pid;
  }

  close(): void {
    this.#helper.stop();
  }
}

export function ipSetCommandText(command: IpSetCommand): string {
  switch (command.kind) {
    case 'create': {
      const { name, type, family } = command.set;
      return `create ${name} ${type} family ${family === 4 ? 'inet' : 'inet6'} maxelem ${MAX_MEMBERS} -exist`;
    }
    case 'add':
      return `add ${command.name} ${command.member} -exist`;
    case 'remove':
      return `del ${command.name} ${command.member} -exist`;
    case 'empty':
      return `flush ${command.name}`;
    case 'destroy':
      return `destroy ${command.name}`;
    default:
      return assertNever(command);
  }
}

/** The sets of ours in the output of `ipset save`. @throws KernelError if it is cut off, or is something else */
export function parseIpSetSave(text: string): readonly ReadIpSet[] {
  const sets = new Map<string, Omit<ReadIpSet, 'members'> & { readonly members: Set<IpSetMember> }>();
  const lines = text.split('\n');
  if (lines.pop() !== '') throw unreadable(text.slice(-200));
  for (const line of lines) {
    const [verb, name, word] = line.split(' ');
    if ((verb !== 'create' && verb !== 'add') || name === undefined || word === undefined) throw unreadable(line);
    if (!name.startsWith('cord')) continue;
    if (verb === 'create') {
      const family = / family inet6\b/.test(line) ? 6 : 4;
      sets.set(name, { name: name as IpSetName, type: word, family, members: new Set() });
    } else {
      sets.get(name)?.members.add(word as IpSetMember);
    }
  }
  return [...sets.values()];
}

const unreadable = (detail: string): KernelError =>
  new KernelError(
    'the output of "ipset save" is not understood; nothing is changed by it; see "corduroy check"',
    detail,
  );

/** Names and numbers of members of our sets, in the output of `ipset list -t`. */
function sizesOf(lines: readonly string[]): string {
  const sizes: string[] = [];
  let ours = false;
  for (const line of lines) {
    const name = /^(?:ipset> ?)*Name: (\S+)/.exec(line)?.[1];
    if (name !== undefined) ours = name.startsWith('cord');
    if (ours && (name !== undefined || line.startsWith('Number of entries:'))) sizes.push(name ?? line);
  }
  return sizes.join(' ');
}
