import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../effects/logger.js';
import { describeError, KernelError } from '../../model/errors.js';
import type { InterfaceName } from '../../model/ids.js';
import type { HelperProcess } from './helper-process.js';

/** Link group of links that are being deleted: "cord" in ASCII, a number that nobody else chooses. */
export const RETIRED_GROUP = 0x636f7264;

const TIMEOUT_MS = 10_000;
/** Long enough to gather what a `docker rm` of many brings, short enough that nobody sees the link. */
const GATHER_MS = 3;
/**
 * After a deletion, in multiples of the time it took and in ms, links gather longer: while one is under way, the links of
 * the next containers wait.
 */
const REST_RATIO = 9;
const MOST_REST_MS = 200;
const MAX_ATTEMPTS = 5;
const GONE = /No such device|Cannot find/;

/**
 * Deletes links many at a time: deleting waits for RCU grace periods, 20 ms for one link as for a hundred, if they are
 * deleted as one group.
 */
export class LinkReaper {
  readonly #takers: HelperProcess;
  readonly #deleters: HelperProcess;
  readonly #log: Logger;
  #waiting = new Set<InterfaceName>();
  #deleting: ReadonlySet<InterfaceName> = new Set();
  #work: Promise<void> | undefined;
  /** No deletion begins before. */
  #restUntil = 0;

  /**
   * @param takers an `ip -batch` that takes links down
   * @param deleters another, because a deletion would hold up what stands behind it
   */
  constructor(takers: HelperProcess, deleters: HelperProcess, log: Logger) {
    this.#takers = takers;
    this.#deleters = deleters;
    this.#log = log;
  }

  get pid(): number | undefined {
    return this.#deleters.pid;
  }

  /** Resolves when the links are down; they are deleted soon after. */
  async retire(links: readonly InterfaceName[]): Promise<void> {
    const fresh = links.filter((link) => !this.#waiting.has(link) && !this.#deleting.has(link));
    if (fresh.length === 0) return;
    await this.#takeDown(fresh);
    for (const link of fresh) this.#waiting.add(link);
    this.#work ??= this.#reap().finally(() => {
      this.#work = undefined;
    });
  }

  /** Resolves when all links retired so far are gone. */
  async idle(): Promise<void> {
    while (this.#work !== undefined) await this.#work;
  }

  close(): void {
    this.#deleters.stop();
  }

  async #takeDown(links: readonly InterfaceName[]): Promise<void> {
    const request = links.map((link) => `link set dev ${link} down group ${RETIRED_GROUP}\n`).join('');
    const complaints = await this.#takers.exchange(request, TIMEOUT_MS);
    if (!complaints.some((line) => GONE.test(line))) return;
    // Gone, or the helper's memory of its index is: a fresh one knows.
    this.#takers.renew();
    await this.#takers.exchange(request, TIMEOUT_MS);
  }

  async #reap(): Promise<void> {
    for (let attempt = 1; this.#waiting.size > 0; attempt++) {
      await sleep(Math.max(GATHER_MS, this.#restUntil - performance.now()));
      const begun = performance.now();
      this.#deleting = this.#waiting;
      this.#waiting = new Set();
      try {
        await this.#deleteGroup();
        attempt = 0;
      } catch (error) {
        this.#log.warn(
          { links: [...this.#deleting], error: describeError(error) },
          'links could not be deleted; it is tried again, at the latest by the next resync',
        );
        if (attempt < MAX_ATTEMPTS) for (const link of this.#deleting) this.#waiting.add(link);
      }
      this.#deleting = new Set();
      const ended = performance.now();
      this.#restUntil = ended + Math.min((ended - begun) * REST_RATIO, MOST_REST_MS);
    }
  }

  async #deleteGroup(): Promise<void> {
    const complaints = await this.#deleters.exchange(`link del group ${RETIRED_GROUP}\n`, TIMEOUT_MS);
    // An empty group: an earlier deletion took them along.
    const refusals = complaints.filter((line) => !GONE.test(line));
    if (refusals.length > 0) throw new KernelError(refusals.join('; '), refusals.join('\n'));
  }
}
