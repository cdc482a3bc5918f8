import type { AddressReclaim } from '../src/effects/address-reclaim.js';
import type { DockerContainer, DockerEvent, DockerNetwork } from '../src/effects/docker.js';
import type { Logger } from '../src/effects/logger.js';
import type { NetworkStack } from '../src/effects/network-stack.js';
import type { ReconcileFinding, ReconcileStatus, ReconcileStatusSource } from '../src/effects/reconcile-status.js';
import { describeError } from '../src/model/errors.js';
import { containerInterfaceOf, type DockerNetworkId, type EndpointId } from '../src/model/ids.js';
import type { DriverDependencies } from './dependencies.js';
import { DueLoop } from './due-loop.js';
import { EndpointIdentity } from './endpoint-identity.js';
import { FindingLog } from './finding-log.js';
import { HiddenFlags } from './hidden-flags.js';
import { decide, SETTLE_MS, type Sightings } from './reconcile-decision.js';
import { ReconcileDeeds } from './reconcile-deeds.js';
import { sharedSubnetFindings } from './sandboxes.js';

/** ms between runs that nothing asked for. */
const INTERVAL_MS = 60_000;
/** ms from an event to the run that it asks for, so that many events ask for one run; a new name is wanted sooner. */
const EVENT_DELAY_MS = 2_000;
const RENAME_DELAY_MS = 100;
/** After a start: when there is nothing to do for it but to look at its flags. */
const JOIN_DELAY_MS = 3_000;
/** ms until an engine that did not answer is asked again: a manager of a swarm lists no networks while that has no leader. */
const RETRY_MS = 5_000;

export interface ReconcilerDependencies extends DriverDependencies {
  readonly reclaim: AddressReclaim;
  readonly links: Pick<NetworkStack, 'links'>;
  /** Whether a network of this driver is ours. */
  readonly isOurDriver: (driver: string) => boolean;
  readonly log: Logger;
}

/**
 * Brings records, kernel and Docker's knowledge together: at the start, whenever the engine is there again, after its
 * events, and every minute. While the engine does not answer, nothing is freed.
 */
export class Reconciler implements ReconcileStatusSource {
  readonly #on: ReconcilerDependencies;
  readonly #identity: EndpointIdentity;
  readonly #events: { close(): void };
  readonly #loop: DueLoop;
  readonly #findingLog: FindingLog;
  readonly #deeds: ReconcileDeeds;
  readonly #hiddenFlags: HiddenFlags;
  #sightings: Sightings = new Map();
  #lastRun: ReconcileStatus['lastRun'];
  #dockerSilence: string | undefined = 'it was not asked yet';
  #findings: readonly ReconcileFinding[] = [];

  /** Begins once the cluster's records are there. */
  constructor(dependencies: ReconcilerDependencies) {
    this.#on = dependencies;
    this.#identity = new EndpointIdentity(dependencies);
    this.#findingLog = new FindingLog(dependencies.log);
    this.#deeds = new ReconcileDeeds({ ...dependencies, findingLog: this.#findingLog });
    this.#hiddenFlags = new HiddenFlags(dependencies.docker);
    const { clock } = dependencies;
    this.#loop = new DueLoop({ clock, intervalMs: INTERVAL_MS, deed: () => this.#runOnce() });
    this.#events = dependencies.docker.events((event) => this.#hear(event));
  }

  status(): ReconcileStatus {
    return {
      ...(this.#lastRun === undefined ? {} : { lastRun: this.#lastRun }),
      dockerSilence: this.#dockerSilence,
      freedEndpoints: this.#deeds.freedEndpoints,
      findings: [...this.#findings, ...this.#identity.findings(), ...this.#hiddenFlags.findings()],
    };
  }

  /** Resolves when no run and no question is under way any more. */
  async close(): Promise<void> {
    this.#events.close();
    await Promise.all([this.#loop.close(), this.#identity.close()]);
  }

  #hear(event: DockerEvent): void {
    switch (event.kind) {
      case 'connected':
        this.#loop.within(0);
        break;
      case 'containerRenamed':
        this.#loop.within(RENAME_DELAY_MS);
        break;
      case 'networkCreated':
        void this.#nameSoon(event.networkId);
        break;
      case 'endpointJoined':
        void this.#nameSoon(event.networkId);
        this.#identity.want(this.#unknownOn(event.networkId));
        this.#loop.within(JOIN_DELAY_MS);
        break;
      default:
        this.#loop.within(EVENT_DELAY_MS);
    }
  }

  #unknownOn(networkId: DockerNetworkId): readonly EndpointId[] {
    return this.#ownEndpoints()
      .filter((endpoint) => endpoint.dockerNetworkId === networkId && endpoint.container === undefined)
      .map(({ id }) => id);
  }

  #ownEndpoints() {
    return [...this.#on.store.localEndpoints.values()].map(({ value }) => value);
  }

  async #nameSoon(networkId: DockerNetworkId): Promise<void> {
    if (this.#on.store.localNetworks.get(networkId)?.value.provisional !== true) return;
    const network = await this.#on.docker.network(networkId);
    if (network === undefined) this.#loop.within(EVENT_DELAY_MS);
    if (typeof network === 'object' && (await this.#deeds.name(network)).length > 0) this.#loop.within(0);
  }

  async #runOnce(): Promise<void> {
    const { store, log } = this.#on;
    await store.ready();
    await this.#run().catch((error) => log.warn({ error: describeError(error) }, 'a reconciliation failed'));
    if (this.#sightings.size > 0) this.#loop.within(SETTLE_MS);
    if (this.#dockerSilence !== undefined) this.#loop.within(RETRY_MS);
  }

  async #run(): Promise<void> {
    const { clock, store, dataplane, docker, reclaim, isOurDriver, log } = this.#on;
    const startedAt = clock.now();
    // In this order: an endpoint that is made or removed meanwhile is then seen as whole or not at all.
    const attached = dataplane.attached();
    const inContainer = await this.#inContainer(attached);
    const endpoints = this.#ownEndpoints();
    const localNetworks = [...store.localNetworks.values()].map(({ value }) => value);
    const networks = await docker.networks(this.#loop.signal);
    const containers = networks && (await docker.containers(this.#loop.signal));
    const told = networks !== undefined && containers !== undefined;
    this.#dockerSilence = told ? undefined : (docker.lastSilence() ?? 'it did not tell');
    if (networks !== undefined) {
      const decision = decide({
        nowMs: clock.now().getTime(),
        endpoints,
        localNetworks,
        dockerNetworks: networks.filter(({ driver }) => isOurDriver(driver)),
        attached,
        inContainer,
        sightings: this.#sightings,
        first: this.#lastRun === undefined,
      });
      this.#sightings = decision.sightings;
      const shared = sharedSubnetFindings(this.#on, endpoints);
      this.#findings = [...decision.findings, ...shared, ...(await this.#deeds.carryOut(decision, this.#loop.signal))];
      this.#findingLog.tellNew([...decision.findings, ...shared]);
      if (containers !== undefined) await this.#identity.learn(networks, containers);
      this.#lastRun = { at: startedAt, durationMs: clock.now().getTime() - startedAt.getTime() };
    }
    const freed = await reclaim.reclaim(networks);
    if (freed.addresses.length + freed.subnets.length > 0) log.info(freed, 'addresses that nobody has are free again');
    if (networks !== undefined && containers !== undefined) await this.#lookForHiddenFlags(networks, containers);
  }

  async #lookForHiddenFlags(networks: readonly DockerNetwork[], containers: readonly DockerContainer[]): Promise<void> {
    const ours = networks.filter(({ driver }) => this.#on.isOurDriver(driver));
    if (await this.#hiddenFlags.look(ours, containers, this.#loop.signal)) this.#loop.within(EVENT_DELAY_MS);
    this.#findingLog.tellNew(this.#hiddenFlags.findings());
  }

  /** If the kernel does not tell, any of them may be in one. */
  async #inContainer(attached: ReadonlySet<EndpointId>): Promise<ReadonlySet<EndpointId>> {
    const links = await this.#on.links.links().catch(() => undefined);
    if (links === undefined) return attached;
    const here = new Set(links.map(({ name }) => name));
    return new Set([...attached].filter((id) => !here.has(containerInterfaceOf(id))));
  }
}
