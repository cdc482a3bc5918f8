import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ClusterChange } from '../src/effects/cluster-view.js';
import type { Dataplane } from '../src/effects/dataplane.js';
import type { DataplaneStatus, DataplaneStatusSource } from '../src/effects/dataplane-status.js';
import { type Endpoint, endpointKey } from '../src/model/endpoint.js';
import { InternalError } from '../src/model/errors.js';
import { containerInterfaceOf, type EndpointId, hostInterfaceOf, type InterfaceName } from '../src/model/ids.js';
import type { IpAddress } from '../src/model/ip-address.js';
import { bringUp } from './bring-up.js';
import { type DataplaneOptions, type DataplaneParts, dataplaneParts } from './dataplane-parts.js';
import { replayView } from './replay-view.js';

/** Records that policy takes in before calls that wait have their turn: some 5 ms of work. */
const REPLAYED_AT_ONCE = 250;

/** The kernel side of one node: what the records say, made so and kept so. */
export class KernelDataplane implements Dataplane, DataplaneStatusSource {
  readonly #options: DataplaneOptions;
  readonly #parts: DataplaneParts;
  readonly #closers: (() => void)[] = [];
  #starting: Promise<void> | undefined;
  readonly #stopped = new AbortController();

  constructor(options: DataplaneOptions) {
    this.#options = options;
    this.#parts = dataplaneParts(options);
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
    const { view, clock, log } = this.#options;
    const { removals, routes, watch, resync } = this.#parts;
    await view.ready();
    // Stopped while it began: what is opened from here on would never be closed.
    this.#stopped.signal.throwIfAborted();
    // Before the replay, which gives the event loop its turns: what changes meanwhile is told, perhaps twice.
    this.#closers.push(view.subscribe((change) => removals.pass(change)));
    await this.#replay();
    await routes.start();
    this.#closers.push(() => routes.close());
    await bringUp(() => this.#tryToStart(), { clock, log, signal: this.#stopped.signal });
    this.#stopped.signal.throwIfAborted();
    watch.start();
    resync.start();
    this.#closers.push(
      () => watch.close(),
      () => resync.stop(),
    );
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

  async #tryToStart(): Promise<void> {
    const { attacher, flows, applier, forwarding } = this.#parts;
    await Promise.all([attacher.adopt(), flows.start(), applier.start()]);
    // Only now: with rules in force, nothing that begins to be routed passes unjudged.
    await forwarding.enable();
    await this.resync();
  }

  /** Ends all activity. Rules, links and routes stay as they are, and in force. */
  stop(): void {
    const { removals, applier, cutter, flows } = this.#parts;
    this.#stopped.abort();
    for (const close of this.#closers.splice(0)) close();
    for (const part of [removals, applier, cutter, flows]) part.stop();
  }

  prepare(endpoint: Endpoint, { mtu }: { readonly mtu: number }): void {
    // Told again when the record is stored, which then changes nothing.
    this.#parts.removals.pass(whole(undefined, endpoint));
    void this.#parts.attacher.attach(endpoint, mtu).catch(() => {});
  }

  async abandon(endpoint: Endpoint): Promise<void> {
    const { attacher, removals } = this.#parts;
    if (this.#options.view.endpoints.has(endpoint.id)) return;
    await attacher.detach(endpoint);
    removals.pass(whole(endpoint, undefined));
    removals.flush();
  }

  async attach(
    endpoint: Endpoint,
    { mtu, signal }: { readonly mtu: number; readonly signal?: AbortSignal },
  ): Promise<{ readonly containerInterface: InterfaceName }> {
    await this.start();
    if (!this.#options.view.endpoints.has(endpoint.id)) {
      throw new InternalError(`endpoint ${endpoint.id.slice(0, 12)} was to be attached before its record was stored`);
    }
    await this.#parts.attacher.attach(endpoint, mtu, signal);
    return { containerInterface: containerInterfaceOf(endpoint.id) };
  }

  async detach(endpoint: Pick<Endpoint, 'id' | 'addresses'>): Promise<void> {
    await this.start();
    await this.#parts.attacher.detach(endpoint);
  }

  attached(): ReadonlySet<EndpointId> {
    const { endpoints, attacher } = this.#parts;
    const ids = endpoints.all().map(({ id }) => id);
    return new Set(ids.filter((id) => attacher.links.has(hostInterfaceOf(id))));
  }

  async addressQuiet(address: IpAddress): Promise<void> {
    await this.start();
    await this.#parts.flows.quiet(address);
  }

  async settled(signal?: AbortSignal): Promise<void> {
    const { removals, applier, cutter } = this.#parts;
    await this.start();
    removals.flush();
    await applier.settled(signal);
    await cutter.settled(signal);
  }

  /** Reads all that is ours back and puts right what differs. @throws KernelError if the kernel refuses */
  resync(): Promise<void> {
    return this.#parts.resync.run();
  }

  status(): DataplaneStatus {
    const { applier, cutter, resync, repairs, attacher, routes } = this.#parts;
    const problem = applier.problem ?? cutter.problem ?? resync.problem;
    return {
      backend: this.#options.kernel.backend,
      synced: problem === undefined,
      problem,
      lastResync: resync.last,
      repairsTotal: repairs.total,
      repairs: repairs.latest(),
      attached: attacher.links.size,
      refused: applier.refused,
      routeProblems: routes.problems(),
    };
  }
}

/** An endpoint that comes or goes, as the view will tell it. */
const whole = (before: Endpoint | undefined, after: Endpoint | undefined): ClusterChange => {
  const { node, id } = (after ?? before) as Endpoint;
  return { kind: 'endpoint', key: endpointKey(node, id), before, after };
};
