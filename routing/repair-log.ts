import type { Clock } from '../src/effects/clock.js';
import type { Repair } from '../src/effects/dataplane-status.js';
import type { Logger } from '../src/effects/logger.js';

const KEPT = 50;

/** Told of each thing that was found wrong: its kind, and its name with what was wrong. */
export type ReportRepair = (what: Repair['what'], detail: string) => void;

/** Counts and remembers what was found wrong in the kernel and put right. */
export class RepairLog {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #latest: Repair[] = [];
  #total = 0;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  add(what: Repair['what'], detail: string): void {
    this.#total++;
    this.#latest.push({ at: this.#clock.now(), what, detail });
    if (this.#latest.length > KEPT) this.#latest.shift();
    this.#log.warn({ what, detail }, 'the kernel differed from what it should hold, and was put right');
  }

  get total(): number {
    return this.#total;
  }

  /** Newest last. */
  latest(): readonly Repair[] {
    return [...this.#latest];
  }
}
