import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandRunner } from '../../effects/command-runner.js';
import type { Logger } from '../../effects/logger.js';
import { describeError } from '../../model/errors.js';
import type { InterfaceName } from '../../model/ids.js';
import type { HelperProcess } from './helper-process.js';

/** Link group of links that are being deleted: "cord" in ASCII, a number that nobody else chooses. */
export const RETIRED_GROUP = 0x636f7264;

const TIMEOUT_MS = 10_000;
/** Long enough to gather what a `docker rm` of many brings, short enough that nobody sees the link. */
const GATHER_MS = 3;
const MAX_ATTEMPTS = 5;

/**
 * Deletes links many at a time: deleting waits for RCU grace periods, 20 ms for one link as for a hundred, if they are
 * deleted as one group.
 */
export class LinkReaper {
  readonly #runner: CommandRunner;
  readonly #helper: HelperProcess;
  readonly #log: Logger;
  #waiting = new Set<InterfaceName>();
  #work: Promise<void> | undefined;

  constructor(runner: CommandRunner, helper: HelperProcess, log: Logger) {
    this.#runner = runner;
    this.#helper = helper;
    this.#log = log;
  }

  get pid(): number | undefined {
    return this.#helper.pid;
  }

  /** Resolves when the links are down; they are deleted soon after. */
  async retire(links: readonly InterfaceName[]): Promise<void> {
    if (links.length === 0) return;
    await this.#takeDown(links);
    for (const link of links) this.#waiting.add(link);
    this.#work ??= this.#reap().finally(() => {
      this.#work = undefined;
    });
  }

  /** Resolves when all links retired so far are gone. */
  async idle(): Promise<void> {
    while (this.#work !== undefined) await this.#work;
  }

  close(): void {
    this.#helper.stop();
  }

  async #takeDown(links: readonly InterfaceName[]): Promise<void> {
    const request = links.map((link) => `link set dev ${link} down group ${RETIRED_GROUP}\n`).join('');
    const complaints = await this.#helper.exchange(request, TIMEOUT_MS);
    if (!complaints.some((line) => /No such device|Cannot find/.test(line))) return;
    // Gone, or the helper's memory of its index is: a fresh one knows.
    this.#helper.stop();
    await this.#helper.exchange(request, TIMEOUT_MS);
  }

  async #reap(): Promise<void> {
    for (let attempt = 1; this.#waiting.size > 0; attempt++) {
      await sleep(GATHER_MS);
      const links = [...this.#waiting];
      this.#waiting = new Set();
      try {
        await this.#helper.exchange(`link del group ${RETIRED_GROUP}\n`, TIMEOUT_MS);
        const left = await this.#leftOf(links);
        if (left.length === 0) {
          attempt = 0;
          continue;
        }
        if (attempt >= MAX_ATTEMPTS) throw new Error(`still there: ${left.join(', ')}`);
        await this.#takeDown(left);
        for (const link of left) this.#waiting.add(link);
      } catch (error) {
        this.#log.warn(
          { links, error: describeError(error) },
          'links could not be deleted; the next resync tries again',
        );
        if (attempt >= MAX_ATTEMPTS) return;
      }
    }
  }

  async #leftOf(links: readonly InterfaceName[]): Promise<InterfaceName[]> {
    const { stdout } = await this.#runner.run('ip', ['-o', 'link', 'show', 'group', String(RETIRED_GROUP)]);
    return links.filter((link) => stdout.includes(` ${link}@`) || stdout.includes(` ${link}:`));
  }
}
