import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandRunner } from '../../effects/command-runner.js';
import type { Logger } from '../../effects/logger.js';
import { describeError } from '../../model/errors.js';
import type { IpFamily } from '../../model/ip-address.js';
import { type LearnedRoute, learnedRoutes, removeLearnedRoutes } from './learned-routes.js';

/** Between two looks, in ms. */
const LOOK_MS = 1_000;
/** How long a route of a BIRD that is no more is kept, in ms: by then every peer that lives has told its routes again. */
const KEPT_MS = 45_000;

/**
 * The routes that a former BIRD left in the kernel. They carry packets until the present one, which writes another metric,
 * has a route to the same destination, or until its peers had time enough to tell.
 */
export class FormerRoutes {
  readonly #runner: CommandRunner;
  readonly #families: readonly IpFamily[];
  readonly #log: Logger;
  #watching: AbortController | undefined;

  constructor(options: {
    readonly runner: CommandRunner;
    readonly families: readonly IpFamily[];
    readonly log: Logger;
  }) {
    this.#runner = options.runner;
    this.#families = options.families;
    this.#log = options.log;
  }

  /** Removes them in time, in the background. @param metric of the routes that BIRD writes now */
  replaceBy(metric: number): void {
    this.stop();
    this.#watching = new AbortController();
    void this.#replace(metric, this.#watching.signal);
  }

  stop(): void {
    this.#watching?.abort();
    this.#watching = undefined;
  }

  async #replace(metric: number, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + KEPT_MS;
    while (!signal.aborted) {
      try {
        const found = await learnedRoutes(this.#runner, this.#families);
        if (signal.aborted || found.every((route) => route.metric === metric)) return;
        await removeLearnedRoutes(this.#runner, superseded(found, metric, performance.now() > deadline));
      } catch (error) {
        this.#log.warn({ error: describeError(error) }, 'routes of a former BIRD could not be looked at; tried again');
      }
      await sleep(LOOK_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }
}

/** Those of other metrics that are told anew, or all of them. */
export function superseded(found: readonly LearnedRoute[], metric: number, all: boolean): readonly LearnedRoute[] {
  const key = ({ family, destination }: LearnedRoute): string => `${family} ${destination}`;
  const present = new Set(found.filter((route) => route.metric === metric).map(key));
  return found.filter((route) => route.metric !== metric && (all || present.has(key(route))));
}
