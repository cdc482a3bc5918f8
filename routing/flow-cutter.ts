import type { Clock } from '../src/effects/clock.js';
import type { Conntrack, TrackedFlow } from '../src/effects/conntrack.js';
import type { Logger } from '../src/effects/logger.js';
import { DeadlineExceededError, describeError } from '../src/model/errors.js';
import type { IpAddress } from '../src/model/ip-address.js';
import { flowsToCut } from './address-flows.js';

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 10_000;

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Ends the connections that the policy in force would not let begin, and tries until that is done. */
export class FlowCutter {
  readonly #conntrack: Conntrack;
  readonly #ourAddresses: () => ReadonlySet<IpAddress>;
  readonly #flowJudge: () => (flow: TrackedFlow) => boolean;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  #due = false;
  #working = false;
  #problem: string | undefined;
  #waiters: Waiter[] = [];

  constructor(options: {
    readonly conntrack: Conntrack;
    readonly ourAddresses: () => ReadonlySet<IpAddress>;
    /** Tells of each connection whether it would be refused, by the policy of the moment of asking. */
    readonly flowJudge: () => (flow: TrackedFlow) => boolean;
    readonly clock: Clock;
    readonly log: Logger;
  }) {
    this.#conntrack = options.conntrack;
    this.#ourAddresses = options.ourAddresses;
    this.#flowJudge = options.flowJudge;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** Why connections may go on that the policy denies; undefined: none does. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** The policy in force became stricter. */
  cut(): void {
    this.#due = true;
    if (this.#working) return;
    this.#working = true;
    void this.#work();
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Resolves when all that was asked for is done; rejects when an attempt fails, though it goes on. */
  settled(signal?: AbortSignal): Promise<void> {
    if (!this.#working) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const late = () =>
        reject(
          new DeadlineExceededError('connections could not be measured against the policy in time: try again', {
            cause: signal?.reason,
          }),
        );
      if (signal?.aborted) return late();
      signal?.addEventListener('abort', late, { once: true });
      const done = () => signal?.removeEventListener('abort', late);
      this.#waiters.push({
        resolve: () => {
          done();
          resolve();
        },
        reject: (error) => {
          done();
          reject(error);
        },
      });
    });
  }

  async #work(): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    while (this.#due && !this.#stop.signal.aborted) {
      this.#due = false;
      try {
        await this.#once();
        this.#problem = undefined;
        retryMs = FIRST_RETRY_MS;
      } catch (error) {
        this.#due = true;
        this.#problem = `connections could not be measured against the new policy: ${describeError(error)}`;
        this.#log.error(
          { error: describeError(error) },
          'connections that the policy denies may go on; it is tried again',
        );
        for (const { reject } of this.#waiters.splice(0)) reject(error);
        await this.#clock.sleep(retryMs, this.#stop.signal);
        retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
      }
    }
    this.#working = false;
    for (const { resolve, reject } of this.#waiters.splice(0)) {
      if (this.#due) reject(this.#stop.signal.reason);
      else resolve();
    }
  }

  async #once(): Promise<void> {
    const flows = await this.#conntrack.list();
    const ours = this.#ourAddresses();
    const cut = flowsToCut(flows, (address) => ours.has(address), this.#flowJudge());
    if (cut.length === 0) return;
    await this.#conntrack.forgetFlows(cut);
    this.#log.info({ flows: cut.length }, 'connections ended that the policy no longer allows');
  }
}
