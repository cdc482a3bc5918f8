import { restorePublishedPorts } from '../../driver/external-connectivity.js';
import { NetworkSync } from '../../driver/network-sync.js';
import { Reconciler } from '../../driver/reconciler.js';
import type { LoadedConfig } from '../config/corduroy-config.js';
import type { CommandRunner } from '../effects/command-runner.js';
import type { Datastore } from '../effects/datastore.js';
import type { DockerNetworks } from '../effects/docker-networks.js';
import type { Kernel } from '../effects/kernel.js';
import type { Logger } from '../effects/logger.js';
import type { ReconcileStatus } from '../effects/reconcile-status.js';
import { isDriverOf } from '../infrastructure/docker/driver-name.js';
import { systemClock } from '../infrastructure/system-clock.js';
import type { Node } from '../model/node.js';
import { followAddresses } from './address-follower.js';
import type { Bgp } from './bgp.js';
import { claimName } from './claim-name.js';
import type { Closers } from './closers.js';
import { insistOnDefaultPools } from './default-pools.js';
import { type NodeParts, PLUGIN_NAME } from './node-parts.js';
import { describeNode, hostAddresses, nodeAddresses, registerNode } from './node-registration.js';
import { networkMatches } from './node-selection.js';
import { settleMemory } from './settle-memory.js';
import { TunnelKeeper } from './tunnel-keeper.js';

interface DutiesOptions {
  readonly loaded: LoadedConfig;
  readonly startedAt: Date;
  readonly runner: CommandRunner;
  readonly kernel: Pick<Kernel, 'network'>;
  readonly datastore: Datastore;
  readonly node: NodeParts;
  readonly bgp: Bgp;
  readonly dockerNetworks: DockerNetworks;
  /** Of the daemon: what is begun here ends with it. */
  readonly closers: Closers;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/**
 * What a node does that no call asks for, once its records are in force: it holds its name, tells where it is, exchanges
 * routes, and brings Docker and the records together.
 */
export class NodeDuties {
  readonly #on: DutiesOptions;
  readonly #tunnelKeeper: TunnelKeeper;
  #reconciler: Reconciler | undefined;
  #networkSync: NetworkSync | undefined;

  constructor(options: DutiesOptions) {
    this.#on = options;
    const { loaded, node, log } = options;
    this.#tunnelKeeper = new TunnelKeeper({
      node: loaded.config.nodeName,
      view: node.store,
      addresses: node.ipam.tunnels,
      clock: systemClock,
      log,
    });
  }

  /** Undefined until Docker has been looked at for the first time. */
  status(): ReconcileStatus | undefined {
    const status = this.#reconciler?.status();
    const more = [...(this.#networkSync?.findings() ?? []), ...this.#tunnelKeeper.findings()];
    return status && { ...status, findings: [...status.findings, ...more] };
  }

  /**
   * Resolves when all of them are under way, or `signal` has aborted.
   *
   * @param poolsTried the first try of making the default pools; false: it failed
   * @throws ConflictError if another host has the node's name
   */
  async begin(poolsTried: Promise<boolean>): Promise<void> {
    const { loaded, startedAt, runner, node, bgp, signal, log } = this.#on;
    const { config } = loaded;
    const own = await describeNode(config, runner, startedAt);
    await claimName(own, this.#on);
    await this.#register(own);
    void this.#tunnelKeeper.run(signal);
    await insistOnDefaultPools({ ipam: node.ipam, config, clock: systemClock, log }, { tried: poolsTried, signal });
    if (signal.aborted) return;
    await (config.routeDistribution === 'bgp' ? bgp.speaker.start() : bgp.daemon.retire());
    await restorePublishedPorts({ ...node.driver, log });
    this.#reconcile();
    this.#syncNetworks();
    settleMemory();
    log.info({ endpoints: node.store.endpoints.size, networks: node.store.networks.size }, 'ready');
  }

  /** Keeps the record true from then on. */
  async #register(own: Node): Promise<void> {
    const { loaded, runner, node, signal, log } = this.#on;
    const keepsAsNumber = loaded.sources.asNumber === 'default';
    const registration = { store: node.store, keepsAsNumber, clock: systemClock, signal };
    await registerNode(own, registration);
    const host = {
      present: () => new Set(hostAddresses().map(({ address }) => address)),
      detect: () => nodeAddresses(loaded.config, runner),
    };
    void followAddresses(own, { ...registration, host, log });
  }

  #reconcile(): void {
    const { node, kernel, closers, log } = this.#on;
    const reconciler = new Reconciler({
      ...node.driver,
      reclaim: node.ipam.reclaim,
      links: kernel.network,
      isOurDriver,
      log,
    });
    this.#reconciler = reconciler;
    closers.add('reconciler', () => reconciler.close());
  }

  #syncNetworks(): void {
    const { loaded, node, dockerNetworks, closers, log } = this.#on;
    const { underWay } = node.driver;
    if (underWay === undefined) return;
    const isForThisNode = networkMatches(node.store, loaded.config.nodeName);
    const sync = new NetworkSync({ ...node.driver, dockerNetworks, underWay, isOurDriver, isForThisNode, log });
    this.#networkSync = sync;
    closers.add('network sync', () => sync.close());
  }
}

const isOurDriver = (driver: string): boolean => isDriverOf(PLUGIN_NAME, driver);
