import type { Clock } from '../src/effects/clock.js';
import type { Conntrack } from '../src/effects/conntrack.js';
import type { Logger } from '../src/effects/logger.js';
import { describeError } from '../src/model/errors.js';
import type { IpAddress } from '../src/model/ip-address.js';
import { Backoff } from './backoff.js';

/** Time in which addresses gather that lost their container: a run of conntrack(8) costs as much for one as for many. */
const GATHER_MS = 50;
/** After a run, in multiples of the time it took and in ms, addresses gather longer: a storm of removals costs three runs a second. */
const REST_RATIO = 50;
const MOST_REST_MS = 300;

/**
 * Makes the kernel forget the connections of addresses that lost their container, so that the next holder of an address
 * inherits none. Addresses that come together are forgotten together.
 */
export class AddressFlows {
  readonly #conntrack: Conntrack;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Addresses to forget, with those who wait for it. */
  #due = new Map<IpAddress, (() => void)[]>();
  /** Under way or due. */
  readonly #pending = new Map<IpAddress, Promise<void>>();
  /** Had connections when we started, maybe of a container whose end nobody saw. */
  readonly #inherited = new Set<IpAddress>();
  readonly #stop = new AbortController();
  #working = false;
  /** No run begins before. */
  #restUntil = 0;

  constructor(conntrack: Conntrack, clock: Clock, log: Logger) {
    this.#conntrack = conntrack;
    this.#clock = clock;
    this.#log = log;
  }

  async start(): Promise<void> {
    for (const { original, reply } of await this.#conntrack.list()) {
      for (const { source, destination } of [original, reply]) this.#inherited.add(source).add(destination);
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Resolves when no connection of the address is left; begins to forget them. */
  forget(address: IpAddress): Promise<void> {
    this.#inherited.delete(address);
    const due = this.#due.get(address);
    const forgotten = new Promise<void>((resolve) => {
      if (due === undefined) this.#due.set(address, [resolve]);
      else due.push(resolve);
    });
    const pending = forgotten.then(() => {
      if (this.#pending.get(address) === pending) this.#pending.delete(address);
    });
    this.#pending.set(address, pending);
    if (!this.#working) {
      this.#working = true;
      void this.#work();
    }
    return pending;
  }

  /** Resolves when nothing is left of an earlier holder: at once, if there is none. */
  quiet(address: IpAddress): Promise<void> {
    if (this.#inherited.has(address)) return this.forget(address);
    return this.#pending.get(address) ?? Promise.resolve();
  }

  async #work(): Promise<void> {
    const backoff = new Backoff();
    while (this.#due.size > 0 && !this.#stop.signal.aborted) {
      await this.#clock.sleep(Math.max(GATHER_MS, this.#restUntil - performance.now()), this.#stop.signal);
      const due = this.#due;
      this.#due = new Map();
      const begun = performance.now();
      try {
        await this.#conntrack.forgetAddresses([...due.keys()]);
        for (const resolves of due.values()) for (const resolve of resolves) resolve();
        backoff.succeeded();
      } catch (error) {
        // Unforgotten addresses stay unquiet: they are not given to anybody, and it is tried again.
        for (const [address, resolves] of due) this.#due.set(address, [...resolves, ...(this.#due.get(address) ?? [])]);
        this.#log.warn(
          { addresses: due.size, error: describeError(error) },
          'connections could not be forgotten; tried again',
        );
        await this.#clock.sleep(backoff.failed(), this.#stop.signal);
      }
      const ended = performance.now();
      this.#restUntil = ended + Math.min((ended - begun) * REST_RATIO, MOST_REST_MS);
    }
    this.#working = false;
  }
}
