import type { Kernel } from '../src/effects/kernel.js';
import type { Logger } from '../src/effects/logger.js';
import type { NetworkCommand } from '../src/effects/network-stack.js';
import type { Endpoint } from '../src/model/endpoint.js';
import { describeError, KernelError } from '../src/model/errors.js';
import { type EndpointId, hostInterfaceOf, type InterfaceName } from '../src/model/ids.js';
import type { IpAddress } from '../src/model/ip-address.js';
import { KeyedQueue } from '../src/model/keyed-queue.js';
import type { AddressFlows } from './address-flows.js';
import { ChangeMarks } from './change-marks.js';
import { type EndpointKernelState, endpointKernelState, gatewayRoute } from './endpoint-kernel-state.js';
import { explained } from './host-routes.js';
import { isOurHostEnd } from './ownership.js';
import { withinSignal } from './within-signal.js';

/** Gives endpoints their links, and takes them away again. */
export class EndpointAttacher {
  readonly #kernel: Kernel;
  readonly #flows: AddressFlows;
  readonly #policyInForce: (signal?: AbortSignal) => Promise<void>;
  readonly #log: Logger;
  readonly #ipv6: boolean;
  readonly #gatewayOf: (endpoint: Endpoint) => IpAddress | undefined;
  readonly #links = new Set<InterfaceName>();
  /** Links that carried packets since their addresses' connections were last forgotten. */
  readonly #used = new Set<InterfaceName>();
  readonly #attaching = new Map<EndpointId, { readonly abort: AbortController; readonly done: Promise<void> }>();
  /** Makes attach, detach and repair of one endpoint follow one another. */
  readonly queue = new KeyedQueue<InterfaceName>();
  /** Links that we made or took away, whole or in part. */
  readonly marks = new ChangeMarks<InterfaceName>();

  constructor(options: {
    readonly kernel: Kernel;
    readonly flows: AddressFlows;
    readonly policyInForce: (signal?: AbortSignal) => Promise<void>;
    readonly log: Logger;
    /** The kernel has IPv6. */
    readonly ipv6: boolean;
    /** The address that the endpoint's container has as its IPv4 gateway. */
    readonly gatewayOf: (endpoint: Endpoint) => IpAddress | undefined;
  }) {
    this.#kernel = options.kernel;
    this.#flows = options.flows;
    this.#policyInForce = options.policyInForce;
    this.#log = options.log;
    this.#ipv6 = options.ipv6;
    this.#gatewayOf = options.gatewayOf;
  }

  /** Host sides that exist and are not being removed. */
  get links(): ReadonlySet<InterfaceName> {
    return this.#links;
  }

  /** The kernel told that a host side no longer exists. */
  noteGone(link: InterfaceName): void {
    this.#links.delete(link);
  }

  /** Links that are up stay attached; one that was being removed when an earlier run ended is removed by the resync. */
  async adopt(): Promise<void> {
    for (const { name, group } of await this.#kernel.network.links()) {
      if (isOurHostEnd(name) && group === 'default') this.#add(name);
    }
  }

  stateOf(endpoint: Pick<Endpoint, 'id' | 'dockerNetworkId' | 'mac' | 'addresses'>): EndpointKernelState {
    return endpointKernelState(endpoint, { ipv6: this.#ipv6 });
  }

  /** Calls for one endpoint share the work: whose signal aborts, ends it for all. */
  async attach(endpoint: Endpoint, mtu: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const hostEnd = hostInterfaceOf(endpoint.id);
    const current = this.#attaching.get(endpoint.id);
    const { abort, done } = current ?? this.#begin(endpoint, hostEnd, mtu);
    const giveUp = () => abort.abort(signal?.reason);
    signal?.addEventListener('abort', giveUp, { once: true });
    await withinSignal(done, signal, lateSentence(hostEnd)).finally(() => signal?.removeEventListener('abort', giveUp));
  }

  /** Resolves when the link is down; the rest goes on. */
  async detach(endpoint: Pick<Endpoint, 'id' | 'addresses'>): Promise<void> {
    const hostEnd = hostInterfaceOf(endpoint.id);
    this.#attaching.get(endpoint.id)?.abort.abort(new Error('the endpoint is detached'));
    await this.queue.run(hostEnd, () => this.#marked(hostEnd, this.#retire(hostEnd)));
    if (this.#used.delete(hostEnd)) for (const address of endpoint.addresses) void this.#flows.forget(address);
  }

  #begin(endpoint: Endpoint, hostEnd: InterfaceName, mtu: number) {
    const abort = new AbortController();
    const done = this.queue
      .run(hostEnd, () => this.#marked(hostEnd, this.#attach(endpoint, mtu, abort.signal)))
      .finally(() => this.#attaching.delete(endpoint.id));
    done.catch(() => {});
    const attaching = { abort, done };
    this.#attaching.set(endpoint.id, attaching);
    return attaching;
  }

  /** Before the queue lets the next one in. */
  async #marked(link: InterfaceName, work: Promise<void>): Promise<void> {
    try {
      await work;
    } finally {
      this.marks.touch(link);
    }
  }

  async #attach(endpoint: Endpoint, mtu: number, signal: AbortSignal): Promise<void> {
    const state = this.stateOf(endpoint);
    if (this.#links.has(state.hostEnd)) return;
    signal.throwIfAborted();
    // The link may be up before its policy is in force: an interface that the rules do not know yet passes nothing.
    const outcomes = await Promise.allSettled([
      this.#policyInForce(signal),
      this.#connect(endpoint, state, mtu, signal),
    ]);
    try {
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
      signal.throwIfAborted();
    } catch (error) {
      this.#add(state.hostEnd);
      await this.#retire(state.hostEnd).catch((undoing: unknown) =>
        this.#log.error(
          { link: state.hostEnd, error: describeError(undoing) },
          'a half-made link could not be removed',
        ),
      );
      throw error;
    }
    this.#add(state.hostEnd);
  }

  /** All at once: nobody can use the link before Docker has moved its other end into the container, which is told last. */
  async #connect(endpoint: Endpoint, state: EndpointKernelState, mtu: number, signal: AbortSignal): Promise<void> {
    const late = lateSentence(state.hostEnd);
    const outcomes = await Promise.allSettled([
      this.#createLink(state, mtu, [...connectCommands(state), ...this.#gatewayCommands(endpoint)]),
      ...endpoint.addresses.map((address) => withinSignal(this.#flows.quiet(address), signal, late)),
    ]);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  #add(link: InterfaceName): void {
    this.#links.add(link);
    this.#used.add(link);
  }

  #gatewayCommands(endpoint: Endpoint): readonly NetworkCommand[] {
    const gateway = this.#gatewayOf(endpoint);
    return gateway === undefined ? [] : [{ kind: 'putRoute', route: gatewayRoute(gateway) }];
  }

  async #createLink(state: EndpointKernelState, mtu: number, rest: readonly NetworkCommand[]): Promise<void> {
    const { hostEnd, hostMac, containerEnd, containerMac } = state;
    const add: NetworkCommand = { kind: 'addVeth', hostEnd, hostMac, containerEnd, containerMac, mtu };
    try {
      await this.#writeLink(state, add, rest);
    } catch (error) {
      if (!(error instanceof KernelError) || !/File exists/.test(error.detail)) throw error;
      // Left by an attempt that was cut off: Docker's ids are random, so it was for this very endpoint.
      await this.#kernel.network.retire([hostEnd, containerEnd]);
      await this.#kernel.network.retired();
      await this.#writeLink(state, add, rest);
    }
  }

  /** What comes behind the link does not wait for the answer that it is there; the settings, under /proc, do. */
  async #writeLink(state: EndpointKernelState, add: NetworkCommand, rest: readonly NetworkCommand[]): Promise<void> {
    const added = this.#kernel.network.apply([add]);
    const outcomes = await Promise.allSettled([
      added,
      this.#kernel.network.apply(rest).catch((error: unknown) => Promise.reject(explained(error))),
      added.then(() => this.#kernel.sysctls.write(state.sysctls)),
    ]);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  async #retire(hostEnd: InterfaceName): Promise<void> {
    if (!this.#links.delete(hostEnd)) return;
    try {
      await this.#kernel.network.retire([hostEnd]);
    } catch (error) {
      this.#links.add(hostEnd);
      throw error;
    }
  }
}

/**
 * The IPv6 gateway of containers, `hostSideLinkLocalOf` their network, comes from the host side's MAC address. This is not
 * a setting to be written, since under /proc the kernel does not wait for its lock on links, but burns time until it is free.
 */
export const upCommands = ({ hostEnd, hasLinkLocal }: EndpointKernelState): readonly NetworkCommand[] => [
  ...(hasLinkLocal ? [{ kind: 'setEui64', link: hostEnd } as const] : []),
  { kind: 'setUp', link: hostEnd },
];

/** The kernel takes neighbours and routes only on a link that is up. */
export const connectCommands = (state: EndpointKernelState): readonly NetworkCommand[] => [
  ...upCommands(state),
  ...state.neighbours.map((neighbour): NetworkCommand => ({ kind: 'putNeighbour', neighbour })),
  ...state.routes.map((route): NetworkCommand => ({ kind: 'putRoute', route })),
];

const lateSentence = (link: InterfaceName): string =>
  `the link ${link} was not ready in time: the machine is overloaded, try again`;
