const FIRST_MS = 100;
const LAST_MS = 10_000;

/** Pauses between attempts that fail, in ms: each twice as long as the one before, up to a bound. */
export class Backoff {
  #nextMs = FIRST_MS;

  /** The pause after one more failure. */
  failed(): number {
    const pauseMs = this.#nextMs;
    this.#nextMs = Math.min(pauseMs * 2, LAST_MS);
    return pauseMs;
  }

  succeeded(): void {
    this.#nextMs = FIRST_MS;
  }
}
