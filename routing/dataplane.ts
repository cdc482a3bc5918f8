import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../src/effects/clock.js';
import type { ClusterChange, ClusterView } from '../src/effects/cluster-view.js';
import type { TrackedFlow } from '../src/effects/conntrack.js';
import type { Dataplane } from '../src/effects/dataplane.js';
import type { DataplaneStatus, DataplaneStatusSource } from '../src/effects/dataplane-status.js';
import type { FirewallSource } from '../src/effects/firewall-source.js';
import type { Kernel } from '../src/effects/kernel.js';
import type { Logger } from '../src/effects/logger.js';
import type { NetworkStackChange } from '../src/effects/network-stack.js';
import type { TextFile } from '../src/effects/text-file.js';
import type { Cidr } from '../src/model/cidr.js';
import { type Endpoint, endpointKey, endpointsOfKeys } from '../src/model/endpoint.js';
import { describeError, InternalError, KernelError } from '../src/model/errors.js';
import {
  containerInterfaceOf,
  type EndpointId,
  hostInterfaceOf,
  type InterfaceName,
  type NodeName,
} from '../src/model/ids.js';
import type { IpAddress } from '../src/model/ip-address.js';
import type { NodeNetwork } from '../src/model/network.js';
import type { Route } from '../src/model/route.js';
import { AddressFlows } from './address-flows.js';
import type { ClusterRoutes, RouteChange } from './cluster-routes.js';
import { EndpointAttacher } from './endpoint-attacher.js';
import { gatewayRoute } from './endpoint-kernel-state.js';
import { EndpointResync } from './endpoint-resync.js';
import { FirewallApplier } from './firewall-applier.js';
import { FirewallProgrammer } from './firewall-programmer.js';
import { FlowCutter } from './flow-cutter.js';
import { HostForwarding } from './host-forwarding.js';
import { HostRoutes } from './host-routes.js';
import { LateRemovals } from './late-removals.js';
import { isOurHostEnd } from './ownership.js';
import { Pacer } from './pacer.js';
import { RepairLog } from './repair-log.js';
import { replayView } from './replay-view.js';
import { Tunnels } from './tunnels.js';

/** Between attempts to start, in ms; after the last the daemon ends, with the sentence that tells why. */
const START_PAUSES_MS = [250, 500, 1_000, 2_000, 4_000];
/**
 * Between two resyncs that nothing asked for, in ms: the kernel tells nobody when a set or a setting is changed. The
 * share of the time that they may take decides within these bounds.
 */
const RESYNC_MS = { least: 10_000, most: 60_000 };
const RESYNC_SHARE = 0.02;
/** After a sign of foreign changes: soon, but once for all that come together. */
const SOON_MS = 10;
/** A link that is down for so long is not one that is being made, unless the machine is overloaded. */
const STAYS_DOWN_MS = 200;
/** Records that policy takes in before calls that wait have their turn: some 5 ms of work. */
const REPLAYED_AT_ONCE = 250;
/** Between two resyncs that signs asked for; reading back costs some 30 ms of processor time. */
const REST_MS = 200;

export interface DataplaneOptions {
  readonly kernel: Kernel;
  readonly view: ClusterView;
  readonly firewall: FirewallSource;
  readonly node: NodeName;
  /** Tells of each connection whether it would be refused if it began now, by the policy of the moment of asking. */
  readonly flowJudge: () => (flow: TrackedFlow) => boolean;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where the host's own settings are remembered that we change. */
  readonly formerHostSettings: TextFile;
  readonly clusterRoutes: ClusterRoutes;
}

/** The kernel side of one node: what the records say, made so and kept so. */
export class KernelDataplane implements Dataplane, DataplaneStatusSource {
  readonly #options: DataplaneOptions;
  readonly #applier: FirewallApplier;
  readonly #cutter: FlowCutter;
  readonly #flows: AddressFlows;
  readonly #attacher: EndpointAttacher;
  readonly #endpointResync: EndpointResync;
  readonly #forwarding: HostForwarding;
  readonly #hostRoutes: HostRoutes;
  readonly #tunnels: Tunnels;
  /** Routes that wait for what their tunnels need. */
  readonly #waitingRoutes = new Set<Cidr>();
  readonly #repairs: RepairLog;
  readonly #pacer: Pacer;
  readonly #removals: LateRemovals;
  readonly #closers: (() => void)[] = [];
  /** Links that the kernel has told down and not yet up. */
  readonly #down = new Map<InterfaceName, NodeJS.Timeout>();
  #starting: Promise<void> | undefined;
  readonly #stopped = new AbortController();
  #lastResync: DataplaneStatus['lastResync'];
  #problem: string | undefined = 'it has not started';
  #resyncing: Promise<void> = Promise.resolve();

  constructor(options: DataplaneOptions) {
    this.#options = options;
    const { kernel, clock, log } = options;
    this.#repairs = new RepairLog(clock, log);
    this.#flows = new AddressFlows(kernel.conntrack, clock, log);
    this.#forwarding = new HostForwarding(kernel.sysctls, options.formerHostSettings);
    this.#cutter = new FlowCutter({
      conntrack: kernel.conntrack,
      ourAddresses: () => new Set(this.#localEndpoints().flatMap(({ addresses }) => addresses)),
      flowJudge: options.flowJudge,
      clock,
      log,
    });
    this.#applier = new FirewallApplier({
      programmer: new FirewallProgrammer(kernel, kernel.families),
      source: options.firewall,
      clock,
      log,
      onFindings: (findings) => {
        for (const { what, family, name, detail } of findings)
          this.#repairs.add(what, `${name} (IPv${family}): ${detail}`);
      },
      onStricter: () => this.#cutter.cut(),
    });
    this.#attacher = new EndpointAttacher({
      kernel,
      flows: this.#flows,
      policyInForce: (signal) => this.#applier.settled(signal),
      log,
      ipv6: kernel.families.includes(6),
      gatewayOf: ({ dockerNetworkId }) => options.view.localNetworks.get(dockerNetworkId)?.value.linkLocalGateway,
    });
    this.#hostRoutes = new HostRoutes({
      network: kernel.network,
      wanted: { routes: () => this.#wantedRoutes(), routeTo: (destination) => this.#wantedRouteTo(destination) },
      log,
    });
    this.#tunnels = new Tunnels({
      network: kernel.network,
      sysctls: kernel.sysctls,
      wanted: () => options.clusterRoutes.tunnels(),
      ipv6: kernel.families.includes(6),
      moveRoutes: (lost) => this.#moveRoutes(lost),
      log,
    });
    this.#endpointResync = new EndpointResync({
      kernel,
      attacher: this.#attacher,
      localEndpoints: () => this.#localEndpoints(),
      unreadable: () => this.#unreadableEndpoints(),
      hostRoutes: this.#hostRoutes,
      now: () => clock.now(),
    });
    this.#removals = new LateRemovals({
      mayWait: ({ node, id }) => node === options.node && !this.#attacher.links.has(hostInterfaceOf(id)),
      tell: (changes) => {
        for (const change of changes) options.firewall.apply(change);
        this.#applier.changed();
      },
    });
    this.#pacer = new Pacer({
      work: () => this.#resyncQuietly(),
      soonMs: SOON_MS,
      restMs: REST_MS,
      everyMs: (workMs) => Math.min(Math.max(workMs / RESYNC_SHARE, RESYNC_MS.least), RESYNC_MS.most),
    });
  }

  /**
   * Resolves when the kernel agrees with the records. Waits for the records first: until then, an earlier run's rules
   * stay in force as they are.
   *
   * @throws KernelError if the kernel refuses time and again; the data plane is of no use then
   */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  async #start(): Promise<void> {
    const { view, clusterRoutes } = this.#options;
    await view.ready();
    // Stopped while it began: what is opened from here on would never be closed.
    this.#stopped.signal.throwIfAborted();
    // Before the replay, which gives the event loop its turns: what changes meanwhile is told, perhaps twice.
    this.#closers.push(
      view.subscribe((change) => {
        this.#removals.pass(change);
        if (change.kind === 'nodeNetwork') void this.#hostRoutes.changed(gatewaysOf(change.before, change.after));
      }),
    );
    await this.#replay();
    await clusterRoutes.start();
    this.#closers.push(
      () => clusterRoutes.close(),
      clusterRoutes.subscribe((change) => this.#routesChanged(change)),
    );
    await this.#bringUp();
    this.#stopped.signal.throwIfAborted();
    this.#watch();
  }

  async #replay(): Promise<void> {
    const { view, firewall } = this.#options;
    let told = 0;
    for (const change of replayView(view)) {
      firewall.apply(change);
      if (++told % REPLAYED_AT_ONCE === 0) await nextTurn();
      this.#stopped.signal.throwIfAborted();
    }
  }

  /** While a host boots, others hold the tables' lock or change links under our hands: what fails may succeed soon. */
  async #bringUp(): Promise<void> {
    const { clock, log } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        await Promise.all([this.#noteLinks(), this.#flows.start(), this.#applier.start()]);
        // Only now: with rules in force, nothing that begins to be routed passes unjudged.
        await this.#forwarding.enable();
        return await this.resync();
      } catch (error) {
        const pauseMs = START_PAUSES_MS[attempt - 1];
        if (pauseMs === undefined || !(error instanceof KernelError) || this.#stopped.signal.aborted) throw error;
        log.warn(
          { error: describeError(error), attempt },
          'the kernel could not be brought up to date at the start; tried again',
        );
        await clock.sleep(pauseMs, this.#stopped.signal);
      }
    }
  }

  /** Ends all activity. Rules, links and routes stay as they are, and in force. */
  stop(): void {
    this.#stopped.abort();
    for (const close of this.#closers.splice(0)) close();
    this.#pacer.stop();
    this.#removals.stop();
    this.#applier.stop();
    this.#cutter.stop();
    this.#flows.stop();
  }

  prepare(endpoint: Endpoint, { mtu }: { readonly mtu: number }): void {
    // Told again when the record is stored, which then changes nothing.
    this.#removals.pass(whole(undefined, endpoint));
    void this.#attacher.attach(endpoint, mtu).catch(() => {});
  }

  async abandon(endpoint: Endpoint): Promise<void> {
    if (this.#options.view.endpoints.has(endpoint.id)) return;
    await this.#attacher.detach(endpoint);
    this.#removals.pass(whole(endpoint, undefined));
    this.#removals.flush();
  }

  async attach(
    endpoint: Endpoint,
    { mtu, signal }: { readonly mtu: number; readonly signal?: AbortSignal },
  ): Promise<{ readonly containerInterface: InterfaceName }> {
    await this.start();
    if (!this.#options.view.endpoints.has(endpoint.id)) {
      throw new InternalError(`endpoint ${endpoint.id.slice(0, 12)} was to be attached before its record was stored`);
    }
    await this.#attacher.attach(endpoint, mtu, signal);
    return { containerInterface: containerInterfaceOf(endpoint.id) };
  }

  async detach(endpoint: Pick<Endpoint, 'id' | 'addresses'>): Promise<void> {
    await this.start();
    await this.#attacher.detach(endpoint);
  }

  attached(): ReadonlySet<EndpointId> {
    const { links } = this.#attacher;
    return new Set(
      this.#localEndpoints()
        .filter(({ id }) => links.has(hostInterfaceOf(id)))
        .map(({ id }) => id),
    );
  }

  async addressQuiet(address: IpAddress): Promise<void> {
    await this.start();
    await this.#flows.quiet(address);
  }

  async settled(signal?: AbortSignal): Promise<void> {
    await this.start();
    this.#removals.flush();
    await this.#applier.settled(signal);
    await this.#cutter.settled(signal);
  }

  /** Reads all that is ours back and puts right what differs. @throws KernelError if the kernel refuses */
  resync(): Promise<void> {
    // One after the other: two that looked at the same time would both repair, and both tell, the same.
    const done = this.#resyncing.then(() => this.#resync());
    this.#resyncing = done.catch(() => {});
    return done;
  }

  async #resync(): Promise<void> {
    const { clock } = this.#options;
    const at = clock.now();
    const begun = performance.now();
    this.#removals.flush();
    await this.#applier.synchronise();
    for (const path of await this.#forwarding.enable()) {
      if (this.#lastResync !== undefined) this.#repairs.add('sysctl', `${path}: was changed`);
    }
    await this.#lookAround();
    const first = this.#lastResync === undefined;
    await this.#tunnels.repair((what, detail) => this.#repairs.add(what, detail));
    // What an earlier run left, or never made, is no drift.
    await this.#endpointResync.run((what, detail) => {
      if (!first) this.#repairs.add(what, detail);
    });
    this.#problem = undefined;
    this.#lastResync = { at, durationMs: performance.now() - begun };
  }

  status(): DataplaneStatus {
    const problem = this.#applier.problem ?? this.#cutter.problem ?? this.#problem;
    return {
      backend: this.#options.kernel.backend,
      synced: problem === undefined,
      problem,
      lastResync: this.#lastResync,
      repairsTotal: this.#repairs.total,
      repairs: this.#repairs.latest(),
      attached: this.#attacher.links.size,
      refused: this.#applier.refused,
      routeProblems: [
        ...this.#options.clusterRoutes.problems(),
        ...(this.#hostRoutes.problem === undefined ? [] : [{ subject: 'kernel', message: this.#hostRoutes.problem }]),
        ...[...this.#tunnels.unusable].map(([subject, message]) => ({ subject, message })),
      ],
    };
  }

  #routesChanged({ destinations, tunnels }: RouteChange): void {
    if (!tunnels) {
      void this.#hostRoutes.changed(destinations);
      return;
    }
    for (const destination of destinations) this.#waitingRoutes.add(destination);
    void this.#tunnels.changed();
  }

  async #moveRoutes(lost: readonly InterfaceName[]): Promise<void> {
    this.#options.clusterRoutes.avoid(new Set(this.#tunnels.unusable.keys()));
    const waiting = [...this.#waitingRoutes];
    this.#waitingRoutes.clear();
    await Promise.all([this.#hostRoutes.lost(lost), this.#hostRoutes.changed(waiting)]);
  }

  *#wantedRoutes(): Generator<Route> {
    yield* this.#gatewayRoutes();
    yield* this.#options.clusterRoutes.routes();
  }

  #wantedRouteTo(destination: Cidr): Route | undefined {
    return (
      this.#options.clusterRoutes.routeTo(destination) ??
      this.#gatewayRoutes().find((route) => route.destination === destination)
    );
  }

  #gatewayRoutes(): readonly Route[] {
    return [...this.#options.view.localNetworks.values()].map(({ value }) => gatewayRoute(value.linkLocalGateway));
  }

  #unreadableEndpoints(): readonly EndpointId[] {
    const { view, node } = this.#options;
    return endpointsOfKeys(
      node,
      view.problems.map(({ key }) => key),
    );
  }

  #localEndpoints(): readonly Endpoint[] {
    return [...this.#options.view.localEndpoints.values()].map(({ value }) => value);
  }

  /** Links that are up stay attached; one that was being removed when an earlier run ended is removed by the resync. */
  async #noteLinks(): Promise<void> {
    for (const { name, group } of await this.#options.kernel.network.links()) {
      if (isOurHostEnd(name) && group === 'default') this.#attacher.note(name, true);
    }
  }

  #watch(): void {
    const { kernel } = this.#options;
    const filters = kernel.watchPacketFilter(() => this.#pacer.soon());
    const sets = kernel.ipSets.watch(() => this.#pacer.soon());
    const network = kernel.network.watch((change) => this.#networkChanged(change));
    this.#closers.push(
      () => filters.close(),
      () => sets.close(),
      () => network.close(),
    );
    this.#pacer.start();
  }

  #networkChanged(change: NetworkStackChange): void {
    switch (change.kind) {
      case 'linkRemoved':
        if (this.#attacher.links.has(change.link) && !this.#attacher.queue.busy(change.link)) {
          this.#attacher.note(change.link, false);
        }
        return;
      case 'linkDown':
        this.#waitForUp(change.link);
        return;
      case 'linkUp':
        clearTimeout(this.#down.get(change.link));
        this.#down.delete(change.link);
        return;
      case 'routeRemoved':
        // The kernel takes a link's routes along with it.
        if (change.link === undefined || !isOurHostEnd(change.link) || this.#attacher.links.has(change.link)) {
          this.#pacer.soon();
        }
        return;
      default:
        this.#pacer.soon();
    }
  }

  /** Another address of the host, or another network, may be another way to other nodes. */
  async #lookAround(): Promise<void> {
    const { clusterRoutes, kernel } = this.#options;
    clusterRoutes.moved(await kernel.network.hostNetworks());
  }

  /** Each link is told down once as it is made, and up at once: nobody put that down. */
  #waitForUp(link: InterfaceName): void {
    if (this.#down.has(link)) return;
    const timer = setTimeout(() => {
      this.#down.delete(link);
      if (this.#attacher.links.has(link) && !this.#attacher.queue.busy(link)) this.#pacer.soon();
    }, STAYS_DOWN_MS);
    timer.unref();
    this.#down.set(link, timer);
  }

  async #resyncQuietly(): Promise<void> {
    try {
      await this.resync();
    } catch (error) {
      this.#problem = describeError(error);
      this.#options.log.error(
        { error: this.#problem },
        'the kernel could not be brought up to date; it is tried again',
      );
    }
  }
}

const gatewaysOf = (...networks: readonly (NodeNetwork | undefined)[]): readonly Cidr[] =>
  networks.flatMap((network) => (network === undefined ? [] : [gatewayRoute(network.linkLocalGateway).destination]));

/** An endpoint that comes or goes, as the view will tell it. */
const whole = (before: Endpoint | undefined, after: Endpoint | undefined): ClusterChange => {
  const { node, id } = (after ?? before) as Endpoint;
  return { kind: 'endpoint', key: endpointKey(node, id), before, after };
};
