import type { ClusterView } from '../src/effects/cluster-view.js';
import type { RouteProblem } from '../src/effects/dataplane-status.js';
import type { Kernel } from '../src/effects/kernel.js';
import type { Logger } from '../src/effects/logger.js';
import type { Cidr } from '../src/model/cidr.js';
import type { InterfaceName } from '../src/model/ids.js';
import type { IpAddress } from '../src/model/ip-address.js';
import type { NodeNetwork } from '../src/model/network.js';
import type { Route } from '../src/model/route.js';
import { isOurTunnel } from '../src/model/tunnel.js';
import type { ClusterRoutes, RouteChange } from './cluster-routes.js';
import { gatewayRoute } from './endpoint-kernel-state.js';
import { HostRoutes, type WantedRoutes } from './host-routes.js';
import type { ReportRepair } from './repair-log.js';
import { Tunnels } from './tunnels.js';

export interface NodeRoutesOptions {
  readonly kernel: Pick<Kernel, 'network' | 'sysctls' | 'families'>;
  readonly view: Pick<ClusterView, 'localNetworks' | 'subscribe'>;
  readonly clusterRoutes: ClusterRoutes;
  readonly forgetFlows: (address: IpAddress) => void;
  readonly log: Logger;
}

/**
 * The routes of this node that belong to no endpoint, together with the tunnels that some of them lead into: a route
 * follows the records after what it needs, and before what others need no more.
 */
export class NodeRoutes implements WantedRoutes {
  readonly #options: NodeRoutesOptions;
  readonly #tunnels: Tunnels;
  /** As they are in the kernel. */
  readonly host: HostRoutes;
  /** Routes that wait for what their tunnels need. */
  readonly #waiting = new Set<Cidr>();
  readonly #closers: (() => void)[] = [];

  constructor(options: NodeRoutesOptions) {
    this.#options = options;
    const { kernel, clusterRoutes, forgetFlows, log } = options;
    this.host = new HostRoutes({ network: kernel.network, wanted: this, log });
    this.#tunnels = new Tunnels({
      network: kernel.network,
      sysctls: kernel.sysctls,
      wanted: () => clusterRoutes.tunnels(),
      ipv6: kernel.families.includes(6),
      moveRoutes: (lost) => this.#move(lost),
      forgetFlows,
      log,
    });
  }

  /** Resolves when the records are known; from then on they are followed. */
  async start(): Promise<void> {
    const { view, clusterRoutes } = this.#options;
    await clusterRoutes.start();
    this.#closers.push(
      () => clusterRoutes.close(),
      clusterRoutes.subscribe((change) => this.#changed(change)),
      view.subscribe((change) => {
        if (change.kind === 'nodeNetwork') void this.host.changed(gatewaysOf(change.before, change.after));
      }),
    );
  }

  close(): void {
    for (const close of this.#closers.splice(0)) close();
  }

  *routes(): Generator<Route> {
    yield* this.#gatewayRoutes();
    yield* this.#options.clusterRoutes.routes();
  }

  routeTo(destination: Cidr): Route | undefined {
    return (
      this.#options.clusterRoutes.routeTo(destination) ??
      this.#gatewayRoutes().find((route) => route.destination === destination)
    );
  }

  /** Another address of the host, or another network, may be another way to other nodes: tells whether there is any. */
  async lookAround(): Promise<boolean> {
    const { clusterRoutes, kernel } = this.#options;
    return clusterRoutes.moved(await kernel.network.hostNetworks());
  }

  /** A change of this link may break or mend something: routes lead there, or it is a tunnel, or may be in the way of one. */
  dependOn(link: InterfaceName): boolean {
    const lacking = this.#tunnels.unusable.size > 0 || this.host.problem !== undefined;
    return lacking || isOurTunnel(link) || this.host.links.has(link);
  }

  /** Routes that lead into them are put right by `host`. @throws KernelError if they cannot be read */
  repairTunnels(report: ReportRepair): Promise<void> {
    return this.#tunnels.repair(report);
  }

  problems(): readonly RouteProblem[] {
    return [
      ...this.#options.clusterRoutes.problems(),
      ...(this.host.problem === undefined ? [] : [{ subject: 'kernel', message: this.host.problem }]),
      ...[...this.#tunnels.unusable].map(([subject, message]) => ({ subject, message })),
    ];
  }

  #changed({ destinations, tunnels }: RouteChange): void {
    if (!tunnels) {
      void this.host.changed(destinations);
      return;
    }
    for (const destination of destinations) this.#waiting.add(destination);
    void this.#tunnels.changed();
  }

  async #move(lost: readonly InterfaceName[]): Promise<void> {
    this.#options.clusterRoutes.avoid(new Set(this.#tunnels.unusable.keys()));
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    await Promise.all([this.host.lost(lost), this.host.changed(waiting)]);
  }

  #gatewayRoutes(): readonly Route[] {
    return [...this.#options.view.localNetworks.values()].map(({ value }) => gatewayRoute(value.linkLocalGateway));
  }
}

const gatewaysOf = (...networks: readonly (NodeNetwork | undefined)[]): readonly Cidr[] =>
  networks.flatMap((network) => (network === undefined ? [] : [gatewayRoute(network.linkLocalGateway).destination]));
