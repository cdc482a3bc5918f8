import type { Repair } from '../src/effects/dataplane-status.js';
import type { Kernel } from '../src/effects/kernel.js';
import type { NetworkCommand } from '../src/effects/network-stack.js';
import type { Endpoint } from '../src/model/endpoint.js';
import { hostInterfaceOf, type InterfaceName } from '../src/model/ids.js';
import type { Link } from '../src/model/link.js';
import type { PermanentNeighbour, Route } from '../src/model/route.js';
import type { EndpointAttacher } from './endpoint-attacher.js';
import type { EndpointKernelState } from './endpoint-kernel-state.js';
import { isGatewayRoute, isOurContainerEnd, isOurHostEnd } from './ownership.js';
import { diffRoutes, missingNeighbours } from './route-diff.js';

type ReportRepair = (what: Repair['what'], detail: string) => void;

/** How long a container end may wait in the host's namespace: Docker moves it within milliseconds of Join. */
const CONTAINER_END_GRACE_MS = 60_000;
/** Endpoints whose settings are read between two turns of the event loop; one takes about 0.1 ms. */
const ENDPOINTS_PER_TURN = 50;

/** Reads links, routes, neighbours and settings back and puts right what is ours. */
export class EndpointResync {
  readonly #kernel: Kernel;
  readonly #attacher: EndpointAttacher;
  readonly #localEndpoints: () => readonly Endpoint[];
  readonly #hostRoutes: () => readonly Route[];
  readonly #now: () => Date;
  readonly #waitingSince = new Map<InterfaceName, number>();

  constructor(options: {
    readonly kernel: Kernel;
    readonly attacher: EndpointAttacher;
    readonly localEndpoints: () => readonly Endpoint[];
    readonly hostRoutes: () => readonly Route[];
    readonly now: () => Date;
  }) {
    this.#kernel = options.kernel;
    this.#attacher = options.attacher;
    this.#localEndpoints = options.localEndpoints;
    this.#hostRoutes = options.hostRoutes;
    this.#now = options.now;
  }

  async run(report: ReportRepair): Promise<void> {
    const { network } = this.#kernel;
    const [links, routes, neighbours] = await Promise.all([
      network.links(),
      network.ourRoutes(),
      network.permanentNeighbours(),
    ]);
    const endpoints = new Map(this.#localEndpoints().map((endpoint) => [hostInterfaceOf(endpoint.id), endpoint]));
    this.#noteGone(links);
    await this.#sweep(links, endpoints, report);
    await this.#repairHostRoutes(routes, report);
    let count = 0;
    for (const link of links) {
      const endpoint = endpoints.get(link.name);
      if (endpoint === undefined || !this.#attacher.links.has(link.name)) continue;
      await this.#repair(this.#attacher.stateOf(endpoint), link, routes, neighbours, report);
      if (++count % ENDPOINTS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** A container's end takes its host side with it, and nobody may have told. */
  #noteGone(links: readonly Link[]): void {
    const present = new Set(links.map(({ name }) => name));
    for (const name of this.#attacher.links) {
      if (!present.has(name) && !this.#attacher.queue.busy(name)) this.#attacher.note(name, false);
    }
  }

  async #sweep(
    links: readonly Link[],
    endpoints: ReadonlyMap<InterfaceName, Endpoint>,
    report: ReportRepair,
  ): Promise<void> {
    const stray = links.filter(({ name }) => {
      if (isOurHostEnd(name)) return !endpoints.has(name) && !this.#attacher.queue.busy(name);
      return isOurContainerEnd(name) && this.#waitsTooLong(name, endpoints);
    });
    const present = new Set(links.map(({ name }) => name));
    for (const name of this.#waitingSince.keys()) if (!present.has(name)) this.#waitingSince.delete(name);
    if (stray.length === 0) return;
    for (const { name } of stray) {
      report('link', `${name}: belonged to no endpoint and was removed`);
      this.#attacher.note(name, false);
    }
    await this.#kernel.network.retire(stray.map(({ name }) => name));
  }

  #waitsTooLong(name: InterfaceName, endpoints: ReadonlyMap<InterfaceName, Endpoint>): boolean {
    const hostEnd = name.replace(/^ctmp/, 'cord') as InterfaceName;
    if (this.#attacher.queue.busy(hostEnd)) return false;
    if (!endpoints.has(hostEnd)) return true;
    const now = this.#now().getTime();
    const since = this.#waitingSince.get(name) ?? now;
    this.#waitingSince.set(name, since);
    return now - since >= CONTAINER_END_GRACE_MS;
  }

  async #repairHostRoutes(routes: readonly Route[], report: ReportRepair): Promise<void> {
    // A route to an endpoint goes with its link, or is looked at with it.
    const actual = routes.filter((route) => route.kind === 'blackhole' || isGatewayRoute(route));
    const { put, remove } = diffRoutes(this.#hostRoutes(), actual);
    if (put.length + remove.length === 0) return;
    for (const { destination } of put) report('route', `${destination}: was missing`);
    for (const route of remove) {
      // The gateway of a network that was removed goes at the next resync: no sign that anything was wrong.
      if (!isGatewayRoute(route)) report('route', `${route.destination}: should not be`);
    }
    await this.#kernel.network.apply([
      ...put.map((route): NetworkCommand => ({ kind: 'putRoute', route })),
      ...remove.map((route): NetworkCommand => ({ kind: 'removeRoute', route })),
    ]);
  }

  async #repair(
    state: EndpointKernelState,
    link: Link,
    routes: readonly Route[],
    neighbours: readonly PermanentNeighbour[],
    report: ReportRepair,
  ): Promise<void> {
    const { hostEnd } = state;
    if (this.#attacher.queue.busy(hostEnd)) return;
    const { sysctls } = this.#kernel;
    const values = await sysctls.read(state.sysctls.map(({ path }) => path));
    const wrong = state.sysctls.filter(({ value }, i) => values[i] !== value);
    const moved = link.mac !== state.hostMac;
    const routeChanges = diffRoutes(
      state.routes,
      routes.filter((route) => route.kind === 'link' && route.interfaceName === hostEnd),
    );
    const missing = missingNeighbours(state.neighbours, neighbours);
    const commands: NetworkCommand[] = [];
    if (moved) commands.push({ kind: 'setMac', link: hostEnd, mac: state.hostMac });
    if (!link.up) commands.push({ kind: 'setUp', link: hostEnd });
    commands.push(...missing.map((neighbour): NetworkCommand => ({ kind: 'putNeighbour', neighbour })));
    commands.push(...routeChanges.put.map((route): NetworkCommand => ({ kind: 'putRoute', route })));
    commands.push(...routeChanges.remove.map((route): NetworkCommand => ({ kind: 'removeRoute', route })));
    if (wrong.length + commands.length === 0) return;
    await this.#attacher.queue.run(hostEnd, async () => {
      // It may have been detached while we looked.
      if (!this.#attacher.links.has(hostEnd)) return;
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
