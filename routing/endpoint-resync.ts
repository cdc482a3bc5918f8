import type { Kernel } from '../src/effects/kernel.js';
import type { NetworkCommand } from '../src/effects/network-stack.js';
import type { Endpoint } from '../src/model/endpoint.js';
import { type EndpointId, hostInterfaceOf, type InterfaceName } from '../src/model/ids.js';
import type { Link } from '../src/model/link.js';
import type { PermanentNeighbour, Route } from '../src/model/route.js';
import { type EndpointAttacher, upCommands } from './endpoint-attacher.js';
import type { EndpointKernelState } from './endpoint-kernel-state.js';
import type { HostRoutes } from './host-routes.js';
import { isOurContainerEnd, isOurHostEnd } from './ownership.js';
import type { ReportRepair } from './repair-log.js';
import { diffRoutes, missingNeighbours } from './route-diff.js';

/** How long a container end may wait in the host's namespace: Docker moves it within milliseconds of Join. */
const CONTAINER_END_GRACE_MS = 60_000;
/** Endpoints whose settings are read between two turns of the event loop; one takes about 0.1 ms. */
const ENDPOINTS_PER_TURN = 50;

/** Endpoints whose settings are read in one run; of more, each run reads the next so many. */
const SETTINGS_PER_RUN = 200;

/** One link with its routes and neighbours, as they were at a moment of the attacher's marks. */
interface Reading {
  readonly link: Link;
  readonly routes: readonly Route[];
  readonly neighbours: readonly PermanentNeighbour[];
  readonly moment: number;
  /** Its settings are looked at this time. */
  readonly withSettings: boolean;
}

/** Reads links, routes, neighbours and settings back and puts right what is ours. */
export class EndpointResync {
  readonly #kernel: Kernel;
  readonly #attacher: EndpointAttacher;
  readonly #localEndpoints: () => readonly Endpoint[];
  readonly #unreadable: () => readonly EndpointId[];
  readonly #hostRoutes: HostRoutes;
  readonly #now: () => Date;
  readonly #waitingSince = new Map<InterfaceName, number>();
  #turn = 0;

  constructor(options: {
    readonly kernel: Kernel;
    readonly attacher: EndpointAttacher;
    readonly localEndpoints: () => readonly Endpoint[];
    /** Endpoints of this node whose records are there and cannot be read: their links stay, without policy. */
    readonly unreadable: () => readonly EndpointId[];
    readonly hostRoutes: HostRoutes;
    readonly now: () => Date;
  }) {
    this.#kernel = options.kernel;
    this.#attacher = options.attacher;
    this.#localEndpoints = options.localEndpoints;
    this.#unreadable = options.unreadable;
    this.#hostRoutes = options.hostRoutes;
    this.#now = options.now;
  }

  async run(report: ReportRepair): Promise<void> {
    const { network } = this.#kernel;
    const moment = this.#attacher.marks.now;
    const routesMoment = this.#hostRoutes.now;
    const [links, routes, neighbours] = await Promise.all([
      network.links(),
      network.ourRoutes(),
      network.permanentNeighbours(),
    ]);
    const endpoints = new Map(this.#localEndpoints().map((endpoint) => [hostInterfaceOf(endpoint.id), endpoint]));
    // What we are changing, or have changed since we looked, is as we made it.
    const settled = (name: InterfaceName) =>
      !this.#attacher.queue.busy(name) && !this.#attacher.marks.changedSince(name, moment);
    this.#noteGone(links, settled);
    await this.#sweep(links, endpoints, settled, report);
    await this.#hostRoutes.repair(routes, routesMoment, report);
    const routesOf = byLink(routes.filter((route) => route.kind === 'link'));
    const neighboursOf = byLink(neighbours);
    const inTurn = this.#inTurn(links.map(({ name }) => name).filter((name) => endpoints.has(name)));
    let count = 0;
    for (const link of links) {
      const endpoint = endpoints.get(link.name);
      if (endpoint === undefined || !this.#attacher.links.has(link.name) || !settled(link.name)) continue;
      const reading: Reading = {
        link,
        routes: routesOf.get(link.name) ?? [],
        neighbours: neighboursOf.get(link.name) ?? [],
        moment,
        withSettings: inTurn.has(link.name),
      };
      await this.#repair(this.#attacher.stateOf(endpoint), reading, report);
      if (++count % ENDPOINTS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    this.#attacher.marks.forgetBefore(moment);
  }

  /** Those whose settings are read this time: all, or the next ones after those of the last time. */
  #inTurn(names: readonly InterfaceName[]): ReadonlySet<InterfaceName> {
    const start = this.#turn % Math.max(names.length, 1);
    this.#turn = start + SETTINGS_PER_RUN;
    return new Set([...names.slice(start), ...names.slice(0, start)].slice(0, SETTINGS_PER_RUN));
  }

  /** A container's end takes its host side with it, and nobody may have told. */
  #noteGone(links: readonly Link[], settled: (name: InterfaceName) => boolean): void {
    const present = new Set(links.map(({ name }) => name));
    for (const name of this.#attacher.links) {
      if (!present.has(name) && settled(name)) this.#attacher.noteGone(name);
    }
  }

  async #sweep(
    links: readonly Link[],
    endpoints: ReadonlyMap<InterfaceName, Endpoint>,
    settled: (name: InterfaceName) => boolean,
    report: ReportRepair,
  ): Promise<void> {
    const unreadable = new Set(this.#unreadable().map(hostInterfaceOf));
    const stray = links.filter(({ name }) => {
      if (unreadable.has(hostEndOf(name))) return false;
      if (isOurHostEnd(name)) return !endpoints.has(name) && settled(name);
      return isOurContainerEnd(name) && settled(hostEndOf(name)) && this.#waitsTooLong(name, endpoints);
    });
    const present = new Set(links.map(({ name }) => name));
    for (const name of this.#waitingSince.keys()) if (!present.has(name)) this.#waitingSince.delete(name);
    if (stray.length === 0) return;
    // In another group: it is being removed already, and its container end with it.
    const leaving = new Set(links.filter(({ group }) => group !== 'default').map(({ name }) => name));
    for (const { name } of stray) {
      if (!leaving.has(hostEndOf(name))) report('link', `${name}: belonged to no endpoint and was removed`);
      this.#attacher.noteGone(name);
    }
    await this.#kernel.network.retire(stray.map(({ name }) => name));
  }

  #waitsTooLong(name: InterfaceName, endpoints: ReadonlyMap<InterfaceName, Endpoint>): boolean {
    if (!endpoints.has(hostEndOf(name))) return true;
    const now = this.#now().getTime();
    const since = this.#waitingSince.get(name) ?? now;
    this.#waitingSince.set(name, since);
    return now - since >= CONTAINER_END_GRACE_MS;
  }

  async #repair(
    state: EndpointKernelState,
    { link, routes, neighbours, moment, withSettings }: Reading,
    report: ReportRepair,
  ): Promise<void> {
    const { hostEnd } = state;
    const { sysctls } = this.#kernel;
    const settings = withSettings ? state.sysctls : [];
    const values = await sysctls.read(settings.map(({ path }) => path));
    const wrong = settings.filter(({ value }, i) => values[i] !== value);
    const moved = link.mac !== state.hostMac;
    const routeChanges = diffRoutes(state.routes, routes);
    const missing = missingNeighbours(state.neighbours, neighbours);
    const commands: NetworkCommand[] = [];
    if (moved) commands.push({ kind: 'setMac', link: hostEnd, mac: state.hostMac });
    if (!link.up) commands.push(...upCommands(state));
    commands.push(...missing.map((neighbour): NetworkCommand => ({ kind: 'putNeighbour', neighbour })));
    commands.push(...routeChanges.put.map((route): NetworkCommand => ({ kind: 'putRoute', route })));
    commands.push(...routeChanges.remove.map((route): NetworkCommand => ({ kind: 'removeRoute', route })));
    if (wrong.length + commands.length === 0) return;
    await this.#attacher.queue.run(hostEnd, async () => {
      // It may have been detached, or attached anew, while we looked.
      if (!this.#attacher.links.has(hostEnd) || this.#attacher.marks.changedSince(hostEnd, moment)) return;
      await sysctls.write(wrong);
      await this.#kernel.network.apply(commands);
      for (const { path } of wrong) report('sysctl', `${path}: was changed`);
      if (moved) report('link', `${hostEnd}: had another MAC address`);
      if (!link.up) report('link', `${hostEnd}: was down`);
      for (const { address } of missing) report('neighbour', `${address} on ${hostEnd}: was missing`);
      for (const { destination } of routeChanges.put) report('route', `${destination} on ${hostEnd}: was missing`);
      for (const { destination } of routeChanges.remove) report('route', `${destination} on ${hostEnd}: should not be`);
    });
  }
}

const hostEndOf = (containerEnd: InterfaceName): InterfaceName =>
  containerEnd.replace(/^ctmp/, 'cord') as InterfaceName;

function byLink<T extends { readonly interfaceName: InterfaceName }>(
  items: readonly T[],
): ReadonlyMap<InterfaceName, T[]> {
  const groups = new Map<InterfaceName, T[]>();
  for (const item of items) {
    const group = groups.get(item.interfaceName);
    if (group === undefined) groups.set(item.interfaceName, [item]);
    else group.push(item);
  }
  return groups;
}
