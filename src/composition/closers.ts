import type { Logger } from '../effects/logger.js';
import { describeError } from '../model/errors.js';

/** What has to be closed, in the reverse order of its opening. */
export class Closers {
  readonly #log: Logger;
  readonly #stack: { readonly name: string; readonly close: () => unknown }[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  add(name: string, close: () => unknown): void {
    this.#stack.push({ name, close });
  }

  /** One that fails is logged, and the others are closed all the same. */
  async closeAll(): Promise<void> {
    for (let next = this.#stack.pop(); next !== undefined; next = this.#stack.pop()) {
      try {
        await next.close();
      } catch (error) {
        this.#log.warn({ error: describeError(error), part: next.name }, 'a part did not close cleanly');
      }
    }
  }
}
