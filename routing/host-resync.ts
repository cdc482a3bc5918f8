import type { NetworkStack } from '../src/effects/network-stack.js';
import type { InterfaceName } from '../src/model/ids.js';
import type { HostForwarding } from './host-forwarding.js';
import type { NodeRoutes } from './node-routes.js';
import type { ReportRepair } from './repair-log.js';

/** What changed: a link that is no container's, or something on it; undefined: a route that leads nowhere. */
export type HostChange = InterfaceName | undefined;

/**
 * Compares what lies between this host and others - forwarding, ways to other nodes, tunnels, routes - and puts right what
 * differs.
 */
export class HostResync {
  readonly #network: Pick<NetworkStack, 'ourRoutes'>;
  readonly #forwarding: HostForwarding;
  readonly #routes: NodeRoutes;

  constructor(options: {
    readonly network: Pick<NetworkStack, 'ourRoutes'>;
    readonly forwarding: HostForwarding;
    readonly routes: NodeRoutes;
  }) {
    this.#network = options.network;
    this.#forwarding = options.forwarding;
    this.#routes = options.routes;
  }

  /** All but the routes, which are read with those of endpoints. @throws KernelError if the kernel cannot be read */
  async run(report: ReportRepair): Promise<void> {
    await this.#lookAround(report);
    await this.#routes.repairTunnels(report);
  }

  /**
   * As much as these changes can concern: hosts on which others' links come and go all the time have their addresses
   * read, and nothing else unless there is another way to other nodes, or one of ours may be broken.
   *
   * @throws KernelError if the kernel cannot be read, or refuses a route of this node's own
   */
  async afterChanges(changes: ReadonlySet<HostChange>, report: ReportRepair): Promise<void> {
    const moved = await this.#lookAround(report);
    if (!moved && ![...changes].some((link) => this.#concernsRoutes(link))) return;
    await this.#routes.repairTunnels(report);
    const moment = this.#routes.host.now;
    await this.#routes.host.repair(await this.#network.ourRoutes(), moment, report);
  }

  async #lookAround(report: ReportRepair): Promise<boolean> {
    for (const path of await this.#forwarding.enable()) report('sysctl', `${path}: was changed`);
    return this.#routes.lookAround();
  }

  #concernsRoutes(link: HostChange): boolean {
    return link === undefined || this.#routes.dependOn(link);
  }
}
