import { withinSignal } from './within-signal.js';

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Calls that wait for work which is done for all of them at once. Who does it takes them, and tells them its outcome. */
export class Waiters {
  readonly #late: string;
  #waiting: Waiter[] = [];

  /** @param late the sentence for a call whose signal aborts before the outcome is told */
  constructor(late: string) {
    this.#late = late;
  }

  /** How many wait and were not taken yet. */
  get size(): number {
    return this.#waiting.length;
  }

  /** Settles as the work does that takes it next. @throws DeadlineExceededError if the signal aborts first */
  wait(signal?: AbortSignal): Promise<void> {
    const outcome = new Promise<void>((resolve, reject) => {
      if (!signal?.aborted) this.#waiting.push({ resolve, reject });
    });
    return withinSignal(outcome, signal, this.#late);
  }

  /** All that wait now; whoever comes later waits for the next outcome. */
  take(): Waiter {
    const taken = this.#waiting;
    this.#waiting = [];
    return {
      resolve: () => {
        for (const { resolve } of taken) resolve();
      },
      reject: (error) => {
        for (const { reject } of taken) reject(error);
      },
    };
  }
}
