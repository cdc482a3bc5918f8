import type { BgpStatus, BgpStatusSource } from '../../src/effects/bgp-status.js';
import type { ClusterChange, ClusterView } from '../../src/effects/cluster-view.js';
import type { Logger } from '../../src/effects/logger.js';
import type { Configuration, RoutingDaemon } from '../../src/effects/routing-daemon.js';
import { DEFAULT_BGP_SETTINGS } from '../../src/model/bgp-settings.js';
import { describeError, RoutingConfigRefusedError } from '../../src/model/errors.js';
import type { NodeName } from '../../src/model/ids.js';
import type { IpFamily } from '../../src/model/ip-address.js';
import type { Route } from '../../src/model/route.js';
import { Pacer } from '../pacer.js';
import { type BgpSession, bgpSessions, endsSessionsOfNodes } from './bgp-sessions.js';
import { birdConfig } from './bird-config.js';
import { BirdWear } from './bird-wear.js';
import { routerIdOf } from './router-id.js';
import { statusesOf, unreachableProblem } from './session-status.js';

/** Between a change of the records and the configuration, in ms: a node's start writes several records. */
const SOON_MS = 10;
/** Between two configurations, in ms. */
const REST_MS = 200;
/** Between two looks whether all is as it should be that nothing asked for, in ms. */
const LOOK_MS = 10_000;
/** One that dies again and again, or cannot be started, is started after a pause that doubles, in ms. */
const PAUSE_MS = { least: 100, most: 30_000 };
/** One that ran so long, in ms, has recovered. */
const STEADY_MS = 60_000;

export interface BgpSpeakerOptions {
  readonly view: ClusterView;
  readonly node: NodeName;
  /** This node's own blocks, and word of their changes. */
  readonly ownBlocks: {
    ready(): Promise<void>;
    blackholes(): readonly Route[];
    subscribe(listener: () => void): () => void;
  };
  readonly daemon: RoutingDaemon;
  readonly families: readonly IpFamily[];
  readonly logFile: string;
  readonly log: Logger;
}

/**
 * Keeps the routing daemon running, with the configuration that the records ask for, from the first peer on: it looks at
 * every link that comes, which a host without peers need not pay for.
 */
export class BgpSpeaker implements BgpStatusSource {
  readonly #options: BgpSpeakerOptions;
  readonly #pacer: Pacer;
  readonly #wear: BirdWear;
  readonly #closers: (() => void)[] = [];
  #working: Promise<void> = Promise.resolve();
  #stopped = false;
  #retry: NodeJS.Timeout | undefined;
  #sessions: readonly BgpSession[] = [];
  /** In force as far as we know; undefined: none is. */
  #configured: string | undefined;
  /** Refused, and not tried again. */
  #refused: string | undefined;
  #problem: string | undefined = 'BIRD has not been started yet';
  /** There is no daemon, nor a trace of one; undefined: nobody has looked. */
  #atRest: boolean | undefined;
  #pauseMs = PAUSE_MS.least;
  #startedAt = 0;

  constructor(options: BgpSpeakerOptions) {
    this.#options = options;
    this.#wear = new BirdWear(options.node);
    this.#pacer = new Pacer({
      work: () => this.#workInTurn(),
      soonMs: SOON_MS,
      restMs: REST_MS,
      everyMs: () => LOOK_MS,
    });
  }

  /** Resolves when the daemon runs with the present records, or could not be made to: `status` tells why. */
  async start(): Promise<void> {
    const { view, ownBlocks, daemon } = this.#options;
    await Promise.all([view.ready(), ownBlocks.ready()]);
    this.#closers.push(
      view.subscribe((change) => {
        this.#wear.hear(change);
        if (concernsRoutes(change)) this.#pacer.soon();
      }),
      ownBlocks.subscribe(() => this.#pacer.soon()),
      () => daemon.release(),
    );
    daemon.onEnd(() => this.#ended());
    this.#pacer.start();
    await this.#workInTurn();
  }

  /** Ends the care for the daemon, which goes on with what it has; resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#pacer.stop();
    await this.#working;
    for (const close of this.#closers.splice(0)) close();
  }

  async status(): Promise<BgpStatus> {
    const { daemon } = this.#options;
    const nothing = { sessions: [], unreachable: 0 };
    const isNeedless = this.#atRest === true && this.#sessions.length === 0 && this.#problem === undefined;
    if (isNeedless) return { sessions: [], problems: [] };
    const told = await Promise.all([daemon.sessions(), daemon.unreachable()]).then(
      ([sessions, unreachable]) => ({ sessions, unreachable, problem: this.#problem }),
      (error) => ({ ...nothing, problem: this.#problem ?? describeError(error) }),
    );
    const problems = [told.problem, told.unreachable === 0 ? undefined : unreachableProblem(told.unreachable)];
    return {
      sessions: statusesOf(this.#sessions, told.sessions),
      problems: problems.filter((problem) => problem !== undefined),
    };
  }

  async settled(): Promise<string | undefined> {
    await this.#workInTurn();
    return this.#problem;
  }

  /** One after the other: the daemon takes one configuration at a time. */
  #workInTurn(): Promise<void> {
    this.#working = this.#working.then(() => this.#work());
    return this.#working;
  }

  async #work(): Promise<void> {
    if (this.#stopped) return;
    const former = this.#sessions;
    const configuration = this.#configuration();
    const text = configuration?.(ANY_METRIC);
    if (configuration === undefined || text === undefined || text === this.#refused) return;
    const isWorn = this.#wear.isTooMuch(this.#sessions);
    if (text === this.#configured && !isWorn) {
      // Whatever was refused in between is not wanted any more.
      if (this.#refused !== undefined) this.#problem = undefined;
      this.#refused = undefined;
      return;
    }
    try {
      if (await this.#isNeedless()) return this.#inForce(text);
      await this.#configure(configuration, isWorn || endsSessionsOfNodes(former, this.#sessions) ? 'anew' : 'live');
    } catch (error) {
      this.#problem = describeError(error);
      this.#options.log.error({ error: this.#problem }, 'routes are not exchanged as they should be');
      if (error instanceof RoutingConfigRefusedError) this.#refused = text;
      else this.#retryLater();
    }
  }

  async #configure(configuration: Configuration, way: 'live' | 'anew'): Promise<void> {
    const { daemon, log } = this.#options;
    const begun = performance.now();
    const how = await daemon.run(configuration, way);
    if (how === 'started') {
      this.#startedAt = performance.now();
      this.#wear.startedAnew();
    }
    this.#atRest = false;
    this.#inForce(configuration(ANY_METRIC));
    const durationMs = Math.round(performance.now() - begun);
    log.info({ how, sessions: this.#sessions.length, durationMs }, 'BIRD has its configuration');
  }

  async #isNeedless(): Promise<boolean> {
    if (this.#sessions.length > 0) return false;
    this.#atRest ??= await this.#options.daemon.isAtRest();
    return this.#atRest;
  }

  #inForce(text: string): void {
    this.#configured = text;
    this.#refused = undefined;
    this.#problem = undefined;
  }

  /** Undefined while there is nothing to be said of this node yet. */
  #configuration(): Configuration | undefined {
    const { view, node, ownBlocks, families, logFile } = this.#options;
    const self = view.nodes.get(node)?.value;
    if (self === undefined || (self.ip ?? self.ip6) === undefined) {
      this.#problem = NO_ADDRESS;
      return undefined;
    }
    if (this.#problem === NO_ADDRESS) this.#problem = undefined;
    this.#sessions = bgpSessions({
      self,
      nodes: valuesOf(view.nodes),
      peers: valuesOf(view.bgpPeers),
      settings: view.bgpSettings?.value ?? DEFAULT_BGP_SETTINGS,
    });
    const pools = valuesOf(view.pools);
    const input = {
      routerId: routerIdOf(self),
      sessions: this.#sessions,
      reflector: self.routeReflectorClusterId !== undefined,
      pools: pools.map(({ cidr }) => cidr),
      encapsulatedPools: pools.filter(({ encapsulation }) => encapsulation.kind !== 'none').map(({ cidr }) => cidr),
      ownBlocks: ownBlocks.blackholes().map(({ destination }) => destination),
      families,
      logFile,
    };
    return (metric) => birdConfig({ ...input, metric });
  }

  #ended(): void {
    this.#configured = undefined;
    this.#problem = 'BIRD ended by itself and is started again; routes stay meanwhile';
    this.#options.log.warn({ logFile: this.#options.logFile }, this.#problem);
    if (performance.now() - this.#startedAt > STEADY_MS) this.#pauseMs = PAUSE_MS.least;
    this.#retryLater();
  }

  #retryLater(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#pacer.soon(), this.#pauseMs);
    this.#retry.unref();
    this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_MS.most);
  }
}

/** Stands for the one that the daemon chooses, where texts are compared. */
const ANY_METRIC = 0;

const NO_ADDRESS = 'this node has no address for BGP; give nodeIp or nodeIp6, or see nodeIpDetect';

const concernsRoutes = ({ kind }: ClusterChange): boolean =>
  kind === 'node' || kind === 'pool' || kind === 'bgpPeer' || kind === 'bgpSettings';

const valuesOf = <T>(entries: ReadonlyMap<string, { readonly value: T }>): readonly T[] =>
  [...entries.values()].map(({ value }) => value);
