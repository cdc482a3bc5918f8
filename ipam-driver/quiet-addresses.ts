import type { Clock } from '../src/effects/clock.js';
import type { Logger } from '../src/effects/logger.js';
import { describeError } from '../src/model/errors.js';
import type { IpAddress } from '../src/model/ip-address.js';

/**
 * Which freed addresses the kernel has forgotten: no route and no connection of them is left. A question is asked
 * once and remembered until the address is assigned again.
 */
export class QuietAddresses {
  readonly #ask: (address: IpAddress) => Promise<void>;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #answers = new Map<IpAddress, { readonly asked: Promise<void>; quiet: boolean }>();

  constructor(deps: {
    readonly addressQuiet: (address: IpAddress) => Promise<void>;
    readonly clock: Clock;
    readonly log: Logger;
  }) {
    this.#ask = deps.addressQuiet;
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  /** Never waits: false until the kernel has answered. Asks if nobody has. */
  isQuiet(address: IpAddress): boolean {
    return this.#answer(address).quiet;
  }

  /** It belongs to someone: what was known is past. */
  forget(address: IpAddress): void {
    this.#answers.delete(address);
  }

  /** True as soon as one of them is quiet; false after `ms` milliseconds without. */
  async waitForAny(addresses: readonly IpAddress[], ms: number, signal?: AbortSignal): Promise<boolean> {
    const ended = new AbortController();
    const stop = (): void => ended.abort();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      await Promise.race([
        ...addresses.map((address) => this.#answer(address).asked),
        this.#clock.sleep(ms, ended.signal),
      ]);
    } finally {
      signal?.removeEventListener('abort', stop);
      stop();
    }
    return addresses.some((address) => this.#answers.get(address)?.quiet === true);
  }

  #answer(address: IpAddress): { readonly asked: Promise<void>; quiet: boolean } {
    const known = this.#answers.get(address);
    if (known !== undefined) return known;
    const asked = this.#ask(address).then(
      () => {
        answer.quiet = true;
      },
      (error: unknown) => {
        this.#log.warn(
          { address, error: describeError(error) },
          'the kernel did not tell whether a freed address is quiet; it stays unused, and is asked about again',
        );
        if (this.#answers.get(address) === answer) this.#answers.delete(address);
      },
    );
    const answer = { asked, quiet: false };
    this.#answers.set(address, answer);
    return answer;
  }
}
