import type { CommandRunner } from '../../effects/command-runner.js';
import type { Logger } from '../../effects/logger.js';
import type { NetworkCommand, NetworkStack, NetworkStackChange, ReadTunnel } from '../../effects/network-stack.js';
import { describeError, KernelError } from '../../model/errors.js';
import type { HostNetwork } from '../../model/host-network.js';
import type { InterfaceName } from '../../model/ids.js';
import type { IpFamily } from '../../model/ip-address.js';
import type { Link } from '../../model/link.js';
import { type LinkAddress, type PermanentNeighbour, ROUTE_PROTOCOL, type Route } from '../../model/route.js';
import type { Forwarding, TunnelKind } from '../../model/tunnel.js';
import { type HelperKind, HelperProcess } from './helper-process.js';
import {
  parseForwardings,
  parseHostNetworks,
  parseLinkAddresses,
  parseLinks,
  parseNeighbours,
  parseRoutes,
  parseTunnels,
} from './ip-json.js';
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
const STALE = /No such device|Cannot find device|does not exist|unknown ifindex/;

/**
 * Links, routes and neighbours through persistent `ip -batch` processes, one for changes and one for deletions, and
 * forwardings through `bridge -batch`.
 */
export class IpBatchNetworkStack implements NetworkStack {
  readonly #runner: CommandRunner;
  readonly #log: Logger;
  readonly #families: readonly IpFamily[];
  readonly #changes: HelperProcess;
  readonly #bridge: HelperProcess;
  readonly #reaper: LinkReaper;

  constructor(runner: CommandRunner, log: Logger, families: readonly IpFamily[]) {
    this.#families = families;
    this.#runner = runner;
    this.#log = log;
    this.#changes = new HelperProcess(runner, IP_BATCH, log);
    this.#bridge = new HelperProcess(runner, { ...IP_BATCH, program: 'bridge' }, log);
    this.#reaper = new LinkReaper(this.#changes, new HelperProcess(runner, IP_BATCH, log), log);
  }

  async apply(commands: readonly NetworkCommand[]): Promise<void> {
    const forwardings = commands.filter(isForwarding);
    const others = commands.filter((command) => !isForwarding(command));
    const complaints = [
      ...(await this.#carryOut(this.#changes, others)),
      ...(await this.#carryOut(this.#bridge, forwardings)),
    ];
    if (complaints.length === 0) return;
    throw new KernelError(
      `the kernel refused a change to links or routes (${complaints.join('; ')}): ${commands.map(networkCommandText).join(' | ').slice(0, 500)}`,
      complaints.join('\n'),
    );
  }

  async #carryOut(helper: HelperProcess, commands: readonly NetworkCommand[]): Promise<readonly string[]> {
    if (commands.length === 0) return [];
    let complaints: readonly string[];
    try {
      complaints = await exchange(helper, commands);
    } catch (error) {
      // ip(8) ends at a refused neighbour, whatever -force says, and takes what stands behind it along.
      this.#log.debug({ error: describeError(error) }, 'ip ended; the commands are tried again');
      complaints = await exchange(helper, commands);
    }
    const repeatable = commands.filter(({ kind }) => kind !== 'addVeth' && kind !== 'addTunnel');
    if (repeatable.length === 0 || !complaints.some((line) => STALE.test(line))) return complaints;
    // ip(8) remembers a link's index by name and fails for a link made anew under an old name until restarted.
    helper.renew();
    return exchange(helper, repeatable);
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

  async tunnels(): Promise<readonly ReadTunnel[]> {
    const kinds: readonly TunnelKind[] = ['vxlan', 'ipip'];
    const texts = await Promise.all(
      kinds.map((kind) => this.#read(['-json', '-details', 'link', 'show', 'type', kind])),
    );
    return texts.flatMap(parseTunnels);
  }

  async tunnelAddresses(link: InterfaceName): Promise<readonly LinkAddress[]> {
    return parseLinkAddresses(await this.#read(['-json', 'address', 'show', 'dev', link]));
  }

  async forwardings(link: InterfaceName): Promise<readonly Forwarding[]> {
    const { exitCode, stdout, stderr } = await this.#runner.run('bridge', ['-json', 'fdb', 'show', 'dev', link]);
    if (exitCode === 0) return parseForwardings(stdout, link);
    throw new KernelError(`bridge fdb show dev ${link} failed with exit code ${exitCode}: ${stderr.trim()}`, stderr);
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
    return [this.#changes.pid, this.#bridge.pid, this.#reaper.pid].filter((pid) => pid !== undefined);
  }

  close(): void {
    this.#changes.stop();
    this.#bridge.stop();
    this.#reaper.close();
  }

  async #read(args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.#runner.run('ip', args);
    if (exitCode === 0) return stdout;
    throw new KernelError(`ip ${args.join(' ')} failed with exit code ${exitCode}: ${stderr.trim()}`, stderr);
  }
}

const isForwarding = ({ kind }: NetworkCommand): boolean => kind === 'putForwarding' || kind === 'removeForwarding';

const exchange = (helper: HelperProcess, commands: readonly NetworkCommand[]): Promise<readonly string[]> =>
  helper.exchange(commands.map((command) => `${networkCommandText(command)}\n`).join(''), TIMEOUT_MS + commands.length);
