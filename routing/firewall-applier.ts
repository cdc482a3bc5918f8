import type { Clock } from '../src/effects/clock.js';
import type { RefusedRule } from '../src/effects/dataplane-status.js';
import type { FirewallSource } from '../src/effects/firewall-source.js';
import type { Logger } from '../src/effects/logger.js';
import type { FirewallChanges } from '../src/model/chain.js';
import { describeError } from '../src/model/errors.js';
import { Backoff } from './backoff.js';
import type { Finding, FirewallProgrammer } from './firewall-programmer.js';
import { Waiters } from './waiters.js';

/** Far longer than the kernel needs to let go of a set; nobody waits for it. */
const SWEEP_MS = 1_000;

/**
 * The one queue through which the packet filter is written. All that is asked for while a transaction is under way goes
 * into the next one together; nobody waits for a timer. A refused change is cured by reading back and writing all.
 */
export class FirewallApplier {
  readonly #programmer: FirewallProgrammer;
  readonly #source: FirewallSource;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #onFindings: (findings: readonly Finding[]) => void;
  readonly #onStricter: () => void;
  #dirty = false;
  readonly #waiters = new Waiters('the packet filter was not in force in time: the machine is overloaded, try again');
  #synchroniseDue = false;
  #sweepDue = false;
  #sweepComing = false;
  #stricter = false;
  #adopted = false;
  #working = false;
  #started = false;
  /** Texts of chains whose refusal was logged. */
  #toldRefused: ReadonlySet<string> = new Set();
  #problem: string | undefined;
  #stop = new AbortController();

  constructor(options: {
    readonly programmer: FirewallProgrammer;
    readonly source: FirewallSource;
    readonly clock: Clock;
    readonly log: Logger;
    /** Told what a read-back found wrong and put right; not told of the first. */
    readonly onFindings: (findings: readonly Finding[]) => void;
    /** Told when a change that flows under way must be measured against is in force. */
    readonly onStricter: () => void;
  }) {
    this.#programmer = options.programmer;
    this.#source = options.source;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#onFindings = options.onFindings;
    this.#onStricter = options.onStricter;
  }

  /** Why the packet filter may not be as desired; undefined if it is. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get refused(): readonly RefusedRule[] {
    return this.#programmer.refused;
  }

  /** Resolves when all of the source's state is in the kernel. Nothing is written before this is called. */
  async start(): Promise<void> {
    this.#stop.signal.throwIfAborted();
    this.#started = true;
    await this.synchronise();
  }

  /** For good. What is in the kernel stays. */
  stop(): void {
    this.#stop.abort();
    this.#started = false;
  }

  /** Resolves when the kernel was read back and agrees. */
  synchronise(): Promise<void> {
    this.#synchroniseDue = true;
    return this.#wait();
  }

  /** Resolves when all that the source has told up to now is in the kernel; rejects if the kernel refuses it twice. */
  settled(signal?: AbortSignal): Promise<void> {
    if (!this.#working && !this.#dirty && !this.#synchroniseDue) {
      return this.#problem === undefined ? Promise.resolve() : this.synchronise();
    }
    return this.#wait(signal);
  }

  #wait(signal?: AbortSignal): Promise<void> {
    const waited = this.#waiters.wait(signal);
    this.#kick();
    return waited;
  }

  /** The source may have something new. */
  changed(): void {
    this.#dirty = true;
    this.#kick();
  }

  #kick(): void {
    if (this.#working || !this.#started) return;
    this.#working = true;
    void this.#work();
  }

  async #work(): Promise<void> {
    // One turn later, so that what is asked for in the same turn goes into the first transaction together.
    await Promise.resolve();
    const backoff = new Backoff();
    while (this.#started && (this.#dirty || this.#waiters.size > 0 || this.#synchroniseDue || this.#sweepDue)) {
      const waiters = this.#waiters.take();
      try {
        await this.#once();
        this.#problem = undefined;
        backoff.succeeded();
        if (this.#stricter) {
          this.#stricter = false;
          this.#onStricter();
        }
        waiters.resolve();
        await this.#sweep();
      } catch (error) {
        this.#problem = describeError(error);
        this.#log.error({ error: this.#problem }, 'the packet filter could not be written; it is tried again');
        waiters.reject(error);
        this.#synchroniseDue = true;
        await this.#clock.sleep(backoff.failed(), this.#stop.signal);
      }
    }
    this.#working = false;
  }

  /** In this queue, so that no set is destroyed while another change makes it anew. */
  async #sweep(): Promise<void> {
    if (this.#sweepDue) {
      this.#sweepDue = false;
      await this.#programmer.sweepSets();
    }
    if (this.#programmer.retiredSets === 0 || this.#sweepComing) return;
    this.#sweepComing = true;
    void this.#clock.sleep(SWEEP_MS, this.#stop.signal).then(() => {
      this.#sweepComing = false;
      this.#sweepDue = true;
      this.#kick();
    });
  }

  async #once(): Promise<void> {
    this.#dirty = false;
    const { changes, reconsiderFlows } = this.#source.takeChanges();
    this.#stricter ||= reconsiderFlows;
    if (!this.#synchroniseDue) {
      try {
        await this.#programmer.change(changes);
        return;
      } catch (error) {
        this.#log.warn(
          { error: describeError(error) },
          'a change of the packet filter was refused; all of it is read back',
        );
      }
    }
    this.#synchroniseDue = false;
    const expected = new Set(changes.flatMap(namesIn));
    const findings = await this.#programmer.synchronise((family) => {
      // What was told meanwhile is part of the state that is written now.
      const meanwhile = this.#source.takeChanges();
      this.#stricter ||= meanwhile.reconsiderFlows;
      for (const name of meanwhile.changes.flatMap(namesIn)) expected.add(name);
      return this.#source.state(family);
    });
    this.#tellRefused();
    // The first time it is not drift: nothing was ours yet, or an earlier run's rules are taken over.
    if (this.#adopted) {
      const drift = findings.filter(({ name }) => !expected.has(name));
      // What began while rules were missing must not go on as established.
      this.#stricter ||= drift.length > 0;
      this.#onFindings(drift);
    }
    this.#adopted = true;
  }

  /** Each once, however often it is tried again. */
  #tellRefused(): void {
    const { refused } = this.#programmer;
    for (const { family, chain, rule, comment, reason, text } of refused) {
      if (this.#toldRefused.has(text)) continue;
      this.#log.error(
        { chain, family, rule, comment, reason },
        'the kernel refuses a rule: all that would reach it is dropped; change or remove it, or load the kernel module that it needs',
      );
    }
    this.#toldRefused = new Set(refused.map(({ text }) => text));
  }
}

const namesIn = (change: FirewallChanges): readonly string[] => [
  ...[...change.putChains, ...change.removeChains].map(({ table, name }) => `${table}/${name}`),
  ...change.createSets.map(({ name }) => name),
  ...change.addMembers.keys(),
  ...change.removeMembers.keys(),
  ...change.destroySets,
];
