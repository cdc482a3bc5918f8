import type { Clock } from '../src/effects/clock.js';
import type { DockerNetworks } from '../src/effects/docker-networks.js';
import type { Logger } from '../src/effects/logger.js';
import type { ReconcileFinding } from '../src/effects/reconcile-status.js';
import { describeError } from '../src/model/errors.js';
import type { DockerNetworkId, NetworkName } from '../src/model/ids.js';

/** A user's request for a network that began before ours was answered has ended so many ms later. */
const FRESH_MS = 30_000;

interface Parts {
  readonly dockerNetworks: Pick<DockerNetworks, 'find'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Logger;
  /** Removes a network from this node's Docker for the cluster's sake; one that is gone is no error. */
  readonly leave: (id: DockerNetworkId) => Promise<void>;
}

/**
 * The networks that were made here lately because other hosts have them. Docker looks whether a name is free when a
 * request begins, and keeps what two requests at one instant made: it then knows neither by its name. Ours gives way to
 * the user's.
 */
export class FreshNetworks {
  readonly #parts: Parts;
  /** When the user's would have come, in ms. */
  readonly #networks = new Map<DockerNetworkId, { readonly name: NetworkName; readonly untilMs: number }>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#networks.size;
  }

  /** Docker has made it. @returns `gone`: a user's of that name is there, and this one is not any more */
  async add(id: DockerNetworkId, name: NetworkName): Promise<'gone' | 'stays'> {
    this.#networks.set(id, { name, untilMs: this.#parts.clock.now().getTime() + FRESH_MS });
    return (await this.#giveWay(id, name)) ? 'gone' : 'stays';
  }

  /** Looks for users' networks that came meanwhile. */
  async look(): Promise<readonly ReconcileFinding[]> {
    const findings: ReconcileFinding[] = [];
    for (const [id, { name, untilMs }] of [...this.#networks]) {
      try {
        const isOver = this.#parts.clock.now().getTime() > untilMs;
        if (!(await this.#giveWay(id, name)) && isOver) this.#networks.delete(id);
      } catch (error) {
        const message = `Docker has two networks ${name} here, of which a user made one when the other, ${id.slice(0, 12)}, was made because other hosts have it; the latter cannot be removed: ${describeError(error)}`;
        findings.push({ kind: 'network-not-removed', subject: name, message });
      }
    }
    return findings;
  }

  async #giveWay(id: DockerNetworkId, name: NetworkName): Promise<boolean> {
    const { dockerNetworks, leave, log } = this.#parts;
    if ((await dockerNetworks.find(name, id)) === undefined) return false;
    await leave(id);
    this.#networks.delete(id);
    log.info({ network: name }, 'a user made the network here at the same instant: that one stays');
    return true;
  }
}
