import type { Logger } from '../src/effects/logger.js';
import type { NetworkCommand, NetworkStack } from '../src/effects/network-stack.js';
import type { Cidr } from '../src/model/cidr.js';
import { describeError, KernelError } from '../src/model/errors.js';
import type { InterfaceName } from '../src/model/ids.js';
import type { Route } from '../src/model/route.js';
import { ChangeMarks } from './change-marks.js';
import { isHostRoute } from './ownership.js';
import type { ReportRepair } from './repair-log.js';
import { diffRoutes, type RouteChanges, sameRoute } from './route-diff.js';
import { Turns } from './turns.js';

/** The routes that should be there; each destination has one at most. */
export interface WantedRoutes {
  routes(): Iterable<Route>;
  routeTo(destination: Cidr): Route | undefined;
}

/**
 * The routes that belong to no endpoint: to the gateways of this node's networks, into nothing for its blocks, and to
 * other nodes. They follow the records at once; a resync puts right what others did to them.
 */
export class HostRoutes {
  readonly #network: Pick<NetworkStack, 'apply'>;
  readonly #wanted: WantedRoutes;
  readonly #log: Logger;
  /** Changed by us, by destination. */
  readonly #marks = new ChangeMarks<Cidr>();
  /** In the kernel as far as we know; undefined: that was never looked at. */
  #known: Map<Cidr, Route> | undefined;
  /** Destinations of what is being written. */
  #writing: { readonly put: ReadonlySet<Cidr>; readonly remove: ReadonlySet<Cidr> } | undefined;
  /** Where the routes lead that were wanted at the last repair, or since. */
  #links = new Set<InterfaceName>();
  /** Destinations to look at in the next turn, and that turn; undefined: no turn is due. */
  #due: { readonly destinations: Set<Cidr>; readonly done: Promise<void> } | undefined;
  /** Two that looked at the same state would both write the difference. */
  readonly #turns = new Turns();
  #problem: string | undefined;

  constructor(options: {
    readonly network: Pick<NetworkStack, 'apply'>;
    readonly wanted: WantedRoutes;
    readonly log: Logger;
  }) {
    this.#network = options.network;
    this.#wanted = options.wanted;
    this.#log = options.log;
  }

  /** A moment to remember before routes are read. */
  get now(): number {
    return this.#marks.now;
  }

  /** Links without which some of the routes would not be there. */
  get links(): ReadonlySet<InterfaceName> {
    return this.#links;
  }

  /** Why some routes to other nodes may not be as they should be; undefined if they are. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Whether it is news that the kernel has lost a route to there: not of one that we took away. */
  isMissed(destination: Cidr): boolean {
    if (this.#known === undefined || this.#writing?.put.has(destination)) return true;
    return this.#known.has(destination) && !this.#writing?.remove.has(destination);
  }

  /**
   * The records changed what should be there for these destinations. Resolves when the kernel has it, or could not be
   * told. Does nothing before the first `repair`.
   */
  async changed(destinations: Iterable<Cidr>): Promise<void> {
    if (this.#known === undefined) return;
    if (this.#due === undefined) {
      const due = new Set<Cidr>();
      this.#due = { destinations: due, done: this.#turns.take(() => this.#writeDue(due)) };
    }
    for (const destination of destinations) this.#due.destinations.add(destination);
    await this.#due.done;
  }

  /** The kernel has dropped all routes by these links, made anew since. Resolves as `changed`. */
  async lost(links: readonly InterfaceName[]): Promise<void> {
    if (links.length === 0) return;
    const gone = [...(this.#known?.values() ?? [])].filter(
      (route) => route.kind === 'via' && links.includes(route.interfaceName),
    );
    for (const { destination } of gone) this.#known?.delete(destination);
    await this.changed(gone.map(({ destination }) => destination));
  }

  async #writeDue(due: ReadonlySet<Cidr>): Promise<void> {
    this.#due = undefined;
    try {
      await this.#write(this.#changesTo(due));
    } catch (error) {
      this.#log.warn(
        { error: describeError(error) },
        "routes of the host's own could not be written; the next resync does it",
      );
    }
  }

  /**
   * Puts right what differs from what should be, and tells what was not our own doing.
   *
   * @param read our routes as they were at the moment `at`, endpoints' among them
   * @throws KernelError if the kernel refuses a route of this node's own
   */
  repair(read: readonly Route[], at: number, report: ReportRepair): Promise<void> {
    return this.#turns.take(async () => {
      const before = this.#known ?? new Map<Cidr, Route>();
      const unchanged = (destination: Cidr) => !this.#marks.changedSince(destination, at);
      const actual = read.filter((route) => isHostRoute(route) && unchanged(route.destination));
      for (const route of before.values()) if (!unchanged(route.destination)) actual.push(route);
      this.#marks.forgetBefore(at);
      const found = new Map(actual.map((route) => [route.destination, route]));
      const wanted = new Map<Cidr, Route>();
      for (const route of this.#wanted.routes()) wanted.set(route.destination, route);
      this.#links = new Set([...wanted.values()].map(linkOf));
      const missing = [...before.values()].filter(
        // The kernel takes routes along with a link that goes down: then they are not wanted either.
        (route) => !sameRoute(found.get(route.destination), route) && wanted.has(route.destination),
      );
      for (const route of actual) {
        const { destination } = route;
        if (sameRoute(before.get(destination), route) || sameRoute(wanted.get(destination), route)) continue;
        report('route', `${destination}: should not be`);
      }
      this.#known = found;
      this.#problem = undefined;
      await this.#write(diffRoutes(wanted.values(), actual));
      for (const { kind, destination } of missing) {
        // Nor was it drift where the link has gone down since somebody looked.
        if (kind !== 'via' || this.#problem === undefined) report('route', `${destination}: was missing`);
      }
    });
  }

  #changesTo(destinations: Iterable<Cidr>): RouteChanges {
    const [wanted, actual]: [Route[], Route[]] = [[], []];
    for (const destination of destinations) {
      const route = this.#wanted.routeTo(destination);
      if (route !== undefined) wanted.push(route);
      const known = this.#known?.get(destination);
      if (known !== undefined) actual.push(known);
    }
    for (const link of wanted.map(linkOf)) this.#links.add(link);
    return diffRoutes(wanted, actual);
  }

  /** This node's own routes first: without them its containers do not work. To another node there may be no way. */
  async #write({ put, remove }: RouteChanges): Promise<void> {
    const isOwn = ({ kind }: Route) => kind !== 'via';
    try {
      await this.#apply({ put: put.filter(isOwn), remove: remove.filter(isOwn) });
    } catch (error) {
      throw explained(error);
    }
    try {
      await this.#apply({ put: put.filter((route) => !isOwn(route)), remove: remove.filter((route) => !isOwn(route)) });
    } catch (error) {
      this.#problem = `routes to other nodes could not be written: ${describeError(error)}`;
      this.#log.warn(
        { error: describeError(error) },
        'routes to other nodes could not be written; the next resync does it',
      );
    }
  }

  async #apply({ put, remove }: RouteChanges): Promise<void> {
    if (put.length + remove.length === 0) return;
    this.#writing = { put: new Set(put.map(destinationOf)), remove: new Set(remove.map(destinationOf)) };
    try {
      await this.#network.apply([
        ...put.map((route): NetworkCommand => ({ kind: 'putRoute', route })),
        ...remove.map((route): NetworkCommand => ({ kind: 'removeRoute', route })),
      ]);
      for (const route of remove) {
        if (sameRoute(this.#known?.get(route.destination), route)) this.#known?.delete(route.destination);
      }
      for (const route of put) this.#known?.set(route.destination, route);
    } finally {
      this.#writing = undefined;
      for (const { destination } of [...put, ...remove]) this.#marks.touch(destination);
    }
  }
}

const destinationOf = ({ destination }: Route): Cidr => destination;

/** IPv6 has routes into nothing on the loopback interface. */
const linkOf = (route: Route): InterfaceName =>
  route.kind === 'blackhole' ? ('lo' as InterfaceName) : route.interfaceName;

/** Routes to gateways lead to `lo`, which a host has up unless somebody broke it. */
export function explained(error: unknown): unknown {
  if (!(error instanceof KernelError) || !/nexthop is not up|Network is down/.test(error.detail)) return error;
  return new KernelError(
    'the gateway of containers cannot be set up because the loopback interface is down: set it up with "ip link set lo up"',
    error.detail,
    { cause: error },
  );
}
