import type { Clock } from '../src/effects/clock.js';
import type { DataplaneStatus } from '../src/effects/dataplane-status.js';
import type { Logger } from '../src/effects/logger.js';
import { describeError } from '../src/model/errors.js';
import type { EndpointResync } from './endpoint-resync.js';
import type { FirewallApplier } from './firewall-applier.js';
import type { HostChange, HostResync } from './host-resync.js';
import { Pacer } from './pacer.js';
import type { RepairLog, ReportRepair } from './repair-log.js';
import { Turns } from './turns.js';

/**
 * Between two resyncs that nothing asked for, in ms: the kernel tells nobody when a set or a setting is changed. The
 * share of the time that they may take decides within these bounds.
 */
const RESYNC_MS = { least: 10_000, most: 60_000 };
const RESYNC_SHARE = 0.02;
/** After a sign of foreign changes: soon, but once for all that come together. */
const SOON_MS = 10;
/** Between two resyncs that signs asked for; reading back costs some 30 ms of processor time. */
const REST_MS = 200;

export interface KernelResyncOptions {
  readonly applier: Pick<FirewallApplier, 'synchronise'>;
  readonly host: Pick<HostResync, 'run' | 'afterChanges'>;
  readonly endpoints: Pick<EndpointResync, 'run'>;
  readonly repairs: Pick<RepairLog, 'add'>;
  /** What policy has not been told yet is told now. */
  readonly flush: () => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Compares all that is ours in the kernel with what should be, and puts right what differs: when it is asked to, soon
 * after a sign, and on a timer.
 */
export class KernelResync {
  readonly #options: KernelResyncOptions;
  readonly #pacer: Pacer;
  readonly #hostPacer: Pacer;
  /** Not looked at yet. */
  #changes = new Set<HostChange>();
  #last: DataplaneStatus['lastResync'];
  #problem: string | undefined = 'it has not started';
  /** Two that looked at the same time would both repair, and both tell, the same. */
  readonly #turns = new Turns();

  constructor(options: KernelResyncOptions) {
    this.#options = options;
    this.#pacer = new Pacer({
      work: () => this.#runQuietly(),
      soonMs: SOON_MS,
      restMs: REST_MS,
      everyMs: (workMs) => Math.min(Math.max(workMs / RESYNC_SHARE, RESYNC_MS.least), RESYNC_MS.most),
    });
    this.#hostPacer = new Pacer({
      work: () => this.#lookAtHost(),
      soonMs: SOON_MS,
      restMs: REST_MS,
      everyMs: () => Number.POSITIVE_INFINITY,
    });
  }

  /** The last one that came to its end; undefined: none did. */
  get last(): DataplaneStatus['lastResync'] {
    return this.#last;
  }

  /** Why the kernel may differ from what should be; undefined if the last one came to its end. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** From now on on a timer. */
  start(): void {
    this.#pacer.start();
    this.#hostPacer.start();
  }

  stop(): void {
    this.#pacer.stop();
    this.#hostPacer.stop();
  }

  /** A sign that anything may differ. */
  soon(): void {
    this.#pacer.soon();
  }

  /** A sign that concerns at most what lies between this host and others. */
  hostChanged(change: HostChange): void {
    this.#changes.add(change);
    // What the kernel refused before it may now take.
    if (this.#problem !== undefined) this.#pacer.soon();
    else this.#hostPacer.soon();
  }

  /** @throws KernelError if the kernel refuses */
  run(): Promise<void> {
    return this.#turns.take(() => this.#run());
  }

  async #run(): Promise<void> {
    const { applier, host, endpoints, repairs, flush, clock } = this.#options;
    const at = clock.now();
    const begun = performance.now();
    // What an earlier run left, or never made, is no drift.
    const first = this.#last === undefined;
    const report: ReportRepair = (what, detail) => {
      if (!first) repairs.add(what, detail);
    };
    this.#changes.clear();
    flush();
    await applier.synchronise();
    await host.run(report);
    await endpoints.run(report);
    this.#problem = undefined;
    this.#last = { at, durationMs: performance.now() - begun };
  }

  /** Unless a comparison of all has come before it. */
  async #lookAtHost(): Promise<void> {
    const { host, repairs, log } = this.#options;
    try {
      await this.#turns.take(async () => {
        const changes = this.#changes;
        this.#changes = new Set();
        if (changes.size > 0) await host.afterChanges(changes, (what, detail) => repairs.add(what, detail));
      });
    } catch (error) {
      log.warn(
        { error: describeError(error) },
        'routes to other nodes could not be compared; all of the kernel is compared',
      );
      this.soon();
    }
  }

  async #runQuietly(): Promise<void> {
    try {
      await this.run();
    } catch (error) {
      this.#problem = describeError(error);
      this.#options.log.error(
        { error: this.#problem },
        'the kernel could not be brought up to date; it is tried again',
      );
    }
  }
}
