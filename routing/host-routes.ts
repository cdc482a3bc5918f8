import type { Repair } from '../src/effects/dataplane-status.js';
import type { Logger } from '../src/effects/logger.js';
import type { NetworkCommand, NetworkStack } from '../src/effects/network-stack.js';
import { describeError, KernelError } from '../src/model/errors.js';
import type { Route } from '../src/model/route.js';
import { ChangeMarks } from './change-marks.js';
import { isGatewayRoute } from './ownership.js';
import { diffRoutes } from './route-diff.js';

/**
 * The routes that belong to no endpoint: to the gateways of this node's networks, and into nothing for its blocks.
 * They follow the records at once; a resync puts right what others did to them.
 */
export class HostRoutes {
  readonly #network: Pick<NetworkStack, 'apply'>;
  readonly #wanted: () => readonly Route[];
  readonly #log: Logger;
  /** Changed by us, by destination. */
  readonly #marks = new ChangeMarks<string>();
  /** In the kernel as far as we know; undefined: that was never looked at. */
  #known: readonly Route[] | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(options: {
    readonly network: Pick<NetworkStack, 'apply'>;
    /** What should be there now. */
    readonly wanted: () => readonly Route[];
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

  /** The records changed. Does nothing before the first `repair`. */
  changed(): void {
    if (this.#known === undefined) return;
    void this.#inTurn(async () => {
      try {
        await this.#write(this.#known ?? []);
      } catch (error) {
        this.#log.warn(
          { error: describeError(error) },
          "routes of the host's own could not be written; the next resync does it",
        );
      }
    });
  }

  /**
   * Puts right what differs from what should be, and tells what was not our own doing.
   *
   * @param read our routes as they were at the moment `at`, endpoints' among them
   */
  repair(read: readonly Route[], at: number, report: (what: Repair['what'], detail: string) => void): Promise<void> {
    return this.#inTurn(async () => {
      const before = this.#known ?? [];
      const unchanged = ({ destination }: Route) => !this.#marks.changedSince(destination, at);
      const actual = [
        ...read.filter((route) => (route.kind === 'blackhole' || isGatewayRoute(route)) && unchanged(route)),
        ...before.filter((route) => !unchanged(route)),
      ];
      this.#marks.forgetBefore(at);
      for (const { destination } of diffRoutes(before, actual).put) report('route', `${destination}: was missing`);
      for (const { destination } of diffRoutes([...before, ...this.#wanted()], actual).remove) {
        report('route', `${destination}: should not be`);
      }
      await this.#write(actual);
    });
  }

  async #write(actual: readonly Route[]): Promise<void> {
    const wanted = this.#wanted();
    const { put, remove } = diffRoutes(wanted, actual);
    this.#known = actual;
    if (put.length + remove.length === 0) return;
    try {
      await this.#network.apply([
        ...put.map((route): NetworkCommand => ({ kind: 'putRoute', route })),
        ...remove.map((route): NetworkCommand => ({ kind: 'removeRoute', route })),
      ]);
    } catch (error) {
      throw explained(error);
    } finally {
      for (const { destination } of [...put, ...remove]) this.#marks.touch(destination);
    }
    this.#known = wanted;
  }

  /** One after the other: two that looked at the same state would both write the difference. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }
}

/** Routes to gateways lead to `lo`, which a host has up unless somebody broke it. */
export function explained(error: unknown): unknown {
  if (!(error instanceof KernelError) || !/nexthop is not up|Network is down/.test(error.detail)) return error;
  return new KernelError(
    'the gateway of containers cannot be set up because the loopback interface is down: set it up with "ip link set lo up"',
    error.detail,
    { cause: error },
  );
}
