import type { Clock } from '../src/effects/clock.js';
import type { Logger } from '../src/effects/logger.js';
import { describeError } from '../src/model/errors.js';
import type { EndpointId } from '../src/model/ids.js';

/** ms before each further question about an endpoint whose container Docker does not tell yet; then the reconciler's run. */
const PAUSES_MS = [50, 100, 200, 500, 1_000, 2_000, 5_000] as const;
/** ms between two questions: many containers that start at once are asked for together. */
const REST_MS = 20;
/** The same after questions in vain, which double it each time: what Docker knows of a container it tells by an event. */
const LONGEST_REST_MS = 160;

interface Question {
  /** In vain. */
  readonly attempts: number;
  /** When it is asked next. */
  readonly dueMs: number;
}

/** When Docker is asked about which endpoints: of many at once, and less often the longer it does not tell. */
export class EndpointQuestions {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #ask: (ids: readonly EndpointId[]) => Promise<void>;
  readonly #wanted = new Map<EndpointId, Question>();
  readonly #abort = new AbortController();
  #running: Promise<void> | undefined;
  #wake: () => void = () => {};
  /** When it wakes by itself, while it sleeps. */
  #sleepsUntilMs = 0;
  #restMs: number = REST_MS;
  /** No sooner is anything asked, but for what an event tells of. */
  #restsUntilMs = 0;

  /** @param options.ask calls `answered` of those that need not be asked about again */
  constructor(options: {
    readonly clock: Clock;
    readonly log: Logger;
    readonly ask: (ids: readonly EndpointId[]) => Promise<void>;
  }) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#ask = options.ask;
  }

  /** Aborts when nothing is to be asked any more. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Asks for these after `delayMs`, and again with growing pauses until Docker tells. */
  want(ids: Iterable<EndpointId>, delayMs = 0): void {
    const dueMs = this.#nowMs() + delayMs;
    for (const id of ids) this.#wanted.set(id, { attempts: 0, dueMs });
    if (this.#wanted.size === 0) return;
    if (delayMs === 0) this.#restsUntilMs = 0;
    if (Math.max(dueMs, this.#restsUntilMs) < this.#sleepsUntilMs) this.#wake();
    this.#running ??= this.#run();
  }

  isWanted(id: EndpointId): boolean {
    return this.#wanted.has(id);
  }

  answered(id: EndpointId): void {
    this.#wanted.delete(id);
  }

  /** Resolves when no question is under way any more. */
  async close(): Promise<void> {
    this.#wanted.clear();
    this.#abort.abort();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      // What is wanted in the same tick is asked for together.
      await Promise.resolve();
      while (this.#wanted.size > 0 && !this.#abort.signal.aborted) {
        const due = new Map([...this.#wanted].filter(([, { dueMs }]) => dueMs <= this.#nowMs()));
        if (due.size > 0) await this.#askAbout(due);
        await this.#sleepUntilDue();
      }
    } catch (error) {
      this.#log.warn(
        { error: describeError(error) },
        'containers of endpoints were not learned; the next reconciliation tries again',
      );
      this.#wanted.clear();
    } finally {
      this.#running = undefined;
    }
  }

  async #askAbout(due: ReadonlyMap<EndpointId, Question>): Promise<void> {
    this.#restsUntilMs = this.#nowMs() + this.#restMs;
    await this.#ask([...due.keys()]);
    // The others are answered, or wanted anew meanwhile.
    const inVain = [...due].filter(([id, question]) => this.#wanted.get(id) === question);
    for (const [id, question] of inVain) this.#countInVain(id, question);
    this.#restMs = inVain.length < due.size ? REST_MS : Math.min(2 * this.#restMs, LONGEST_REST_MS);
  }

  #countInVain(id: EndpointId, question: Question): void {
    const pauseMs = PAUSES_MS[question.attempts];
    if (pauseMs === undefined) this.#wanted.delete(id);
    else this.#wanted.set(id, { attempts: question.attempts + 1, dueMs: this.#nowMs() + pauseMs });
  }

  async #sleepUntilDue(): Promise<void> {
    const next = Math.min(...[...this.#wanted.values()].map(({ dueMs }) => dueMs));
    if (this.#wanted.size === 0 || this.#abort.signal.aborted) return;
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    this.#sleepsUntilMs = Math.max(next, this.#restsUntilMs);
    await this.#clock.sleep(this.#sleepsUntilMs - this.#nowMs(), woken.signal);
    this.#sleepsUntilMs = 0;
  }

  #nowMs(): number {
    return this.#clock.now().getTime();
  }
}
