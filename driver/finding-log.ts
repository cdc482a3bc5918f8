import type { Logger } from '../src/effects/logger.js';
import type { ReconcileFinding } from '../src/effects/reconcile-status.js';

/** Writes findings to the log, each once, however many runs find it. */
export class FindingLog {
  readonly #log: Logger;
  readonly #told = new Set<string>();

  constructor(log: Logger) {
    this.#log = log;
  }

  tellNew(findings: readonly ReconcileFinding[]): void {
    for (const { kind, subject, message } of findings) {
      if (this.#told.has(message)) continue;
      this.#told.add(message);
      this.#log.warn({ kind, subject }, message);
    }
  }
}
