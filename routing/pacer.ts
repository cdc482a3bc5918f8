/** Calls for the same work: on a timer, and soon after a sign, but never twice at once or in close succession. */
export class Pacer {
  readonly #work: () => Promise<void>;
  readonly #soonMs: number;
  readonly #restMs: number;
  readonly #everyMs: (workMs: number) => number;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #restedAt = 0;
  #working = false;
  #again = false;
  #stopped = true;

  constructor(options: {
    readonly work: () => Promise<void>;
    readonly soonMs: number;
    readonly restMs: number;
    /** From the end of one run to the next that nothing asked for, by how long that one took, in ms. */
    readonly everyMs: (workMs: number) => number;
  }) {
    this.#work = options.work;
    this.#soonMs = options.soonMs;
    this.#restMs = options.restMs;
    this.#everyMs = options.everyMs;
  }

  start(): void {
    this.#stopped = false;
    this.#schedule(this.#everyMs(0));
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** A sign that there is something to do. */
  soon(): void {
    if (this.#working) this.#again = true;
    else this.#schedule(Math.max(this.#soonMs, this.#restedAt - performance.now()));
  }

  #schedule(ms: number): void {
    const dueAt = performance.now() + ms;
    if (this.#stopped || dueAt >= this.#dueAt) return;
    clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => void this.#run(), ms);
    this.#timer.unref();
  }

  async #run(): Promise<void> {
    this.#dueAt = Number.POSITIVE_INFINITY;
    this.#working = true;
    this.#again = false;
    const begun = performance.now();
    await this.#work();
    const workMs = performance.now() - begun;
    this.#working = false;
    this.#restedAt = performance.now() + this.#restMs;
    this.#schedule(this.#again ? this.#restMs : this.#everyMs(workMs));
  }
}
