import type { Clock } from '../src/effects/clock.js';
import type { Conntrack, TrackedFlow } from '../src/effects/conntrack.js';
import type { Logger } from '../src/effects/logger.js';
import { describeError } from '../src/model/errors.js';
import type { IpAddress } from '../src/model/ip-address.js';
import { Backoff } from './backoff.js';
import { Waiters } from './waiters.js';

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
  readonly #waiters = new Waiters('connections could not be measured against the policy in time: try again');

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
    return this.#working ? this.#waiters.wait(signal) : Promise.resolve();
  }

  async #work(): Promise<void> {
    const backoff = new Backoff();
    while (this.#due && !this.#stop.signal.aborted) {
      this.#due = false;
      try {
        await this.#once();
        this.#problem = undefined;
        backoff.succeeded();
      } catch (error) {
        this.#due = true;
        this.#problem = `connections could not be measured against the new policy: ${describeError(error)}`;
        this.#log.error(
          { error: describeError(error) },
          'connections that the policy denies may go on; it is tried again',
        );
        this.#waiters.take().reject(error);
        await this.#clock.sleep(backoff.failed(), this.#stop.signal);
      }
    }
    this.#working = false;
    if (this.#due) this.#waiters.take().reject(this.#stop.signal.reason);
    else this.#waiters.take().resolve();
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

/** Those flows that `denied` says must end and in which one of our addresses takes part. */
const flowsToCut = (
  flows: readonly TrackedFlow[],
  isOurs: (address: IpAddress) => boolean,
  denied: (flow: TrackedFlow) => boolean,
): readonly TrackedFlow[] =>
  flows.filter(
    (flow) =>
      [flow.original.source, flow.original.destination, flow.reply.source, flow.reply.destination].some(isOurs) &&
      denied(flow),
  );
