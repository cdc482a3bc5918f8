import type { CommandRunner } from '../../effects/command-runner.js';
import type { Logger } from '../../effects/logger.js';
import type { NetworkCommand, NetworkStack, NetworkStackChange } from '../../effects/network-stack.js';
import { describeError, KernelError } from '../../model/errors.js';
import type { HostNetwork } from '../../model/host-network.js';
import type { InterfaceName } from '../../model/ids.js';
import type { IpFamily } from '../../model/ip-address.js';
import type { Link } from '../../model/link.js';
import { type PermanentNeighbour, ROUTE_PROTOCOL, type Route } from '../../model/route.js';
import { type HelperKind, HelperProcess } from './helper-process.js';
import { parseHostNetworks, parseLinks, parseNeighbours, parseRoutes } from './ip-json.js';
import { watchIpMonitor } from './ip-monitor.js';
import { LinkReaper } from './link-reaper.js';
import { networkCommandText } from './network-command-text.js';

const TIMEOUT_MS = 5_000;

/** "No such process" is what a route's deletion says if there is no such route. */
const NO_NEWS = /^Object "barrier\d+" is unknown|^Command failed -:|^RTNETLINK answers: No such process/;

/**
 * `ip -force -batch -`: it answers an unknown word with a complaint on stderr, behind all earlier complaints.
 * The line `Command failed -:N` follows each complaint.
 */
export const IP_BATCH: HelperKind = {
  program: 'ip',
  args: ['-force', '-batch', '-'],
  barrier: (n) => `barrier${n}\n`,
  isAnswer: (line, n) => line.startsWith(`Object "barrier${n}" is unknown`),
  isNoise: (line) => line === '' || NO_NEWS.test(line),
};

/** Complaints that mean that the helper's memory of interface indexes is out of date, or that the link is gone. */
const STALE = /No such device|Cannot find device|does not exist/;

/** Links, routes and neighbours through persistent `ip -batch` processes: one for changes, one for deletions. */
export class IpBatchNetworkStack implements NetworkStack {
  readonly #runner: CommandRunner;
  readonly #log: Logger;
  readonly #families: readonly IpFamily[];
  readonly #changes: HelperProcess;
  readonly #reaper: LinkReaper;

  constructor(runner: CommandRunner, log: Logger, families: readonly IpFamily[]) {
    this.#families = families;
    this.#runner = runner;
    this.#log = log;
    this.#changes = new HelperProcess(runner, IP_BATCH, log);
    this.#reaper = new LinkReaper(this.#changes, new HelperProcess(runner, IP_BATCH, log), log);
  }

  async apply(commands: readonly NetworkCommand[]): Promise<void> {
    if (commands.length === 0) return;
    let complaints: readonly string[];
    try {
      complaints = await this.#exchange(commands);
    } catch (error) {
      // ip(8) ends at a refused neighbour, whatever -force says, and takes what stands behind it along.
      this.#log.debug({ error: describeError(error) }, 'ip ended; the commands are tried again');
      complaints = await this.#exchange(commands);
    }
    const repeatable = commands.filter(({ kind }) => kind !== 'addVeth');
    if (repeatable.length > 0 && complaints.some((line) => STALE.test(line))) {
      // ip(8) remembers a link's index by name and fails for a link made anew under an old name until restarted.
      this.#changes.renew();
      complaints = await this.#exchange(repeatable);
    }
    if (complaints.length === 0) return;
    throw new KernelError(
      `the kernel refused a change to links or routes (${complaints.join('; ')}): ${commands.map(networkCommandText).join(' | ').slice(0, 500)}`,
      complaints.join('\n'),
    );
  }

  #exchange(commands: readonly NetworkCommand[]): Promise<readonly string[]> {
    return this.#changes.exchange(
      commands.map((command) => `${networkCommandText(command)}\n`).join(''),
      TIMEOUT_MS + commands.length,
    );
  }

  async links(): Promise<readonly Link[]> {
    return parseLinks(await this.#read(['-json', 'link', 'show']));
  }

  async ourRoutes(): Promise<readonly Route[]> {
    const texts = await Promise.all(
      this.#families.map((family) =>
        this.#read(['-json', `-${family}`, 'route', 'show', 'table', 'main', 'proto', String(ROUTE_PROTOCOL)]),
      ),
    );
    return texts.flatMap(parseRoutes);
  }

  async permanentNeighbours(): Promise<readonly PermanentNeighbour[]> {
    return parseNeighbours(await this.#read(['-json', 'neigh', 'show', 'nud', 'permanent']));
  }

  async hostNetworks(): Promise<readonly HostNetwork[]> {
    return parseHostNetworks(await this.#read(['-json', 'address', 'show', 'scope', 'global', 'up']));
  }

  retire(links: readonly InterfaceName[]): Promise<void> {
    return this.#reaper.retire(links);
  }

  retired(): Promise<void> {
    return this.#reaper.idle();
  }

  watch(listener: (change: NetworkStackChange) => void): { close(): void } {
    return watchIpMonitor(this.#runner, this.#log, listener);
  }

  /** Process ids of the helpers that run now. */
  helperPids(): readonly number[] {
    return [this.#changes.pid, this.#reaper.pid].filter((pid) => pid !== undefined);
  }

  close(): void {
    this.#changes.stop();
    this.#reaper.close();
  }

  async #read(args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.#runner.run('ip', args);
    if (exitCode === 0) return stdout;
    throw new KernelError(`ip ${args.join(' ')} failed with exit code ${exitCode}: ${stderr.trim()}`, stderr);
  }
}
