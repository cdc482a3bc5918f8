import type Dockerode from 'dockerode';
import type { Clock } from '../../effects/clock.js';
import type { ContainerWishes, Docker, DockerContainer, DockerEvent, DockerNetwork } from '../../effects/docker.js';
import type { Logger } from '../../effects/logger.js';
import { describeError } from '../../model/errors.js';
import type { DockerNetworkId } from '../../model/ids.js';
import { isDriverOf } from './driver-name.js';
import { parseContainerList, parseNetwork, parseNetworkList, parseWishes } from './engine-answers.js';
import { askEngine, connectToEngine } from './engine-connection.js';
import { followEvents } from './engine-events.js';
import { engineSilence } from './engine-silence.js';

/** One thing, which a call of Docker's may wait for: 1 to 8 ms are usual, and a call has 2 s. */
const ONE_DEADLINE_MS = 700;
/** Everything of a kind, asked by the reconciler: a host may have thousands. */
const LIST_DEADLINE_MS = 2_000;

/** Networks whose endpoints are asked for at once. */
const PARALLEL_INSPECTIONS = 8;

const EVENTS: Dockerode.GetEventsOptions['filters'] = {
  // The types of dockerode lack the engine's oldest type of event.
  type: ['network', 'container' as 'network'],
  event: ['create', 'destroy', 'connect', 'disconnect', 'rename', 'die', 'prune'],
};

/** What a real engine tells. */
export class DockerEngine implements Docker {
  readonly #engine: Dockerode;
  readonly #socketPath: string;
  readonly #plugin: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  #silence: string | undefined;
  /** What was warned of, and not answered since. */
  #warnedOf: string | undefined;

  /** @param options.plugin our name as a driver; a managed plugin's networks bear a tag behind it */
  constructor(options: {
    readonly socketPath: string;
    readonly plugin: string;
    readonly clock: Clock;
    readonly log: Logger;
  }) {
    this.#engine = connectToEngine(options.socketPath);
    this.#socketPath = options.socketPath;
    this.#plugin = options.plugin;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  async network(id: DockerNetworkId, signal?: AbortSignal): Promise<DockerNetwork | undefined | 'absent'> {
    return this.#ask('network', signal, ONE_DEADLINE_MS, (abortSignal) => this.#inspect(id, abortSignal));
  }

  async networks(signal?: AbortSignal): Promise<readonly DockerNetwork[] | undefined> {
    return this.#ask('networks', signal, LIST_DEADLINE_MS, async (abortSignal) => {
      const listed = parseNetworkList(await this.#engine.listNetworks({ abortSignal }));
      const ours = listed.filter(({ driver, ipamDriver }) => this.#isOurs(driver) || this.#isOurs(ipamDriver));
      const networks: DockerNetwork[] = [];
      for (let next = 0; next < ours.length; next += PARALLEL_INSPECTIONS) {
        const some = ours.slice(next, next + PARALLEL_INSPECTIONS);
        const answers = await Promise.all(some.map(({ id }) => this.#inspect(id, abortSignal)));
        networks.push(...answers.filter((answer) => answer !== 'absent'));
      }
      return networks;
    });
  }

  async containers(signal?: AbortSignal): Promise<readonly DockerContainer[] | undefined> {
    return this.#ask('containers', signal, LIST_DEADLINE_MS, async (abortSignal) =>
      parseContainerList(await this.#engine.listContainers({ all: true, abortSignal })),
    );
  }

  async containerByName(name: string, signal?: AbortSignal): Promise<DockerContainer | undefined> {
    // The engine reads the filter as a regular expression.
    const pattern = `^/?${name.replace(/[^A-Za-z0-9_-]/g, '\\$&')}$`;
    const found = await this.#ask('container', signal, ONE_DEADLINE_MS, async (abortSignal) =>
      parseContainerList(await this.#engine.listContainers({ all: true, filters: { name: [pattern] }, abortSignal })),
    );
    return found?.find((container) => container.name === name);
  }

  async wishes(containerId: string, signal?: AbortSignal): Promise<ContainerWishes | undefined> {
    return this.#ask('a container', signal, ONE_DEADLINE_MS, async (abortSignal) => {
      const path = `/containers/${encodeURIComponent(containerId)}/json`;
      return parseWishes(await askEngine(this.#engine, { path, method: 'GET', abortSignal }));
    });
  }

  lastSilence(): string | undefined {
    return this.#silence;
  }

  events(listener: (event: DockerEvent) => void): { close(): void } {
    return followEvents({
      open: (abortSignal) => this.#engine.getEvents({ filters: EVENTS, abortSignal }),
      isOurs: (driver) => this.#isOurs(driver),
      listener,
      clock: this.#clock,
      log: this.#log,
    });
  }

  #isOurs(driver: string): boolean {
    return isDriverOf(this.#plugin, driver);
  }

  async #inspect(id: string, abortSignal: AbortSignal): Promise<DockerNetwork | 'absent'> {
    try {
      const path = `/networks/${encodeURIComponent(id)}`;
      return parseNetwork(await askEngine(this.#engine, { path, method: 'GET', abortSignal }));
    } catch (error) {
      if (error instanceof Error && 'statusCode' in error && error.statusCode === 404) return 'absent';
      throw error;
    }
  }

  /** Undefined when the engine is away, is too slow, or says what cannot be read: each means "not known now". */
  async #ask<T>(
    what: string,
    signal: AbortSignal | undefined,
    deadlineMs: number,
    question: (signal: AbortSignal) => Promise<T>,
  ): Promise<T | undefined> {
    const deadline = AbortSignal.timeout(deadlineMs);
    try {
      const answer = await question(signal === undefined ? deadline : AbortSignal.any([signal, deadline]));
      this.#silence = undefined;
      this.#warnedOf = undefined;
      return answer;
    } catch (error) {
      this.#log.debug({ what, error: describeError(error) }, 'Docker did not tell');
      this.#hearNothing(error);
      return undefined;
    }
  }

  /** An engine that starts or is busy will tell later; that it refuses us, somebody has to know. */
  #hearNothing(error: unknown): void {
    const { kind, problem, remedy } = engineSilence(error, this.#socketPath);
    this.#silence = `${problem}; ${remedy}`;
    if (kind !== 'refuses' || this.#silence === this.#warnedOf) return;
    this.#warnedOf = this.#silence;
    this.#log.warn({ fix: remedy }, `Docker: ${problem}: names and labels of containers cannot be known`);
  }
}
