import type { Clock } from '../src/effects/clock.js';

/** Does a deed again and again, one at a time: at once, when asked, and at the latest after an interval. */
export class DueLoop {
  readonly #clock: Clock;
  readonly #abort = new AbortController();
  readonly #loop: Promise<void>;
  #dueMs = 0;
  #wake: () => void = () => {};

  /** @param options.deed must not throw */
  constructor(options: { readonly clock: Clock; readonly intervalMs: number; readonly deed: () => Promise<void> }) {
    this.#clock = options.clock;
    this.#loop = this.#repeat(options);
  }

  /** Aborts when the loop is closed. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** The next one begins in so many milliseconds, or earlier. */
  within(ms: number): void {
    const dueMs = this.#clock.now().getTime() + ms;
    if (dueMs >= this.#dueMs) return;
    this.#dueMs = dueMs;
    this.#wake();
  }

  /** Resolves when no deed is under way any more. */
  async close(): Promise<void> {
    this.#abort.abort();
    this.#wake();
    await this.#loop;
  }

  async #repeat({ intervalMs, deed }: { readonly intervalMs: number; readonly deed: () => Promise<void> }) {
    // The owner has the loop in hand before the first deed.
    await Promise.resolve();
    while (!this.#abort.signal.aborted) {
      this.#dueMs = this.#clock.now().getTime() + intervalMs;
      await deed();
      await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    for (;;) {
      const leftMs = this.#dueMs - this.#clock.now().getTime();
      if (leftMs <= 0 || this.#abort.signal.aborted) return;
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      await this.#clock.sleep(leftMs, woken.signal);
    }
  }
}
