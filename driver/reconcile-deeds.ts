import type { DockerNetwork } from '../src/effects/docker.js';
import type { Logger } from '../src/effects/logger.js';
import type { ReconcileFinding } from '../src/effects/reconcile-status.js';
import { describeError } from '../src/model/errors.js';
import type { DriverDependencies } from './dependencies.js';
import { removeEndpoint } from './endpoints.js';
import type { FindingLog } from './finding-log.js';
import { learnNetworkName } from './network-name.js';
import { asTold } from './network-recipe.js';
import { restoreNetwork } from './network-restore.js';
import { forgetNetwork } from './networks.js';
import { NETWORKS } from './queue-keys.js';
import type { Decision } from './reconcile-decision.js';

export interface ReconcileDeedsDependencies extends DriverDependencies {
  readonly log: Logger;
  readonly findingLog: FindingLog;
}

/** Carries out what a reconciliation decided, each deed in its turn among Docker's calls. */
export class ReconcileDeeds {
  readonly #on: ReconcileDeedsDependencies;
  #freed = 0;

  constructor(dependencies: ReconcileDeedsDependencies) {
    this.#on = dependencies;
  }

  /** How many endpoints that Docker had no more were freed. */
  get freedEndpoints(): number {
    return this.#freed;
  }

  /** Gives the network's records the name that Docker tells: its policy goes by that. */
  async name(network: DockerNetwork): Promise<readonly ReconcileFinding[]> {
    const { id, name } = network;
    try {
      await learnNetworkName(this.#on, asTold(network));
      return [];
    } catch (error) {
      return this.#find('network-not-named', id, `network ${name} has no policy yet: ${describeError(error)}`);
    }
  }

  /** What hindered it, if anything did; what could not be freed is tried again by the next run. */
  async carryOut(decision: Decision, signal: AbortSignal): Promise<readonly ReconcileFinding[]> {
    const findings: ReconcileFinding[] = [];
    const { queue } = this.#on;
    for (const { id, dockerNetworkId, container } of decision.free) {
      await this.#attempt({ endpointId: id }, 'an endpoint that Docker has no more', async () => {
        const network = await this.#on.docker.network(dockerNetworkId, signal);
        if (network === undefined || (network !== 'absent' && network.endpoints.has(id))) return;
        await queue.run(id, async () => {
          // Docker's own removal may have come first.
          if (!this.#on.store.endpoints.has(id)) return;
          await removeEndpoint(this.#on, { id });
          this.#freed += 1;
          this.#on.log.info(
            { endpointId: id, container: container?.name },
            'freed an endpoint that Docker has no more',
          );
        });
      });
    }
    for (const id of decision.detach) {
      await this.#attempt({ endpointId: id }, 'a link without endpoint', () =>
        queue.run(id, async () => {
          // The endpoint may be there by now.
          if (!this.#on.store.endpoints.has(id)) await removeEndpoint(this.#on, { id });
        }),
      );
    }
    for (const networkId of decision.removeNetworks) {
      await this.#attempt({ networkId }, 'a network that Docker has no more', async () => {
        if ((await this.#on.docker.network(networkId, signal)) !== 'absent') return;
        await queue.run(NETWORKS, () => forgetNetwork(this.#on, networkId, this.#on.log, { everywhere: false }));
        this.#on.log.info({ networkId }, 'removed a network that Docker has no more');
      });
    }
    for (const network of decision.restoreNetworks) findings.push(...(await this.#restore(network, signal)));
    for (const network of decision.nameNetworks) findings.push(...(await this.name(network)));
    return findings;
  }

  async #attempt(fields: object, what: string, deed: () => Promise<void>): Promise<void> {
    try {
      await deed();
    } catch (error) {
      this.#on.log.warn(
        { ...fields, error: describeError(error) },
        `${what} could not be removed; the next run tries again`,
      );
    }
  }

  async #restore({ id, name }: DockerNetwork, signal: AbortSignal): Promise<readonly ReconcileFinding[]> {
    const network = await this.#on.docker.network(id, signal);
    if (typeof network !== 'object') return [];
    try {
      await this.#on.queue.run(NETWORKS, () => restoreNetwork(this.#on, network));
      this.#on.log.warn(
        { networkId: id, network: name },
        "a network's records were lost and are made anew from what Docker knows of it",
      );
      return [];
    } catch (error) {
      const remedy = 'remove it with "docker network rm" and create it again';
      return this.#find(
        'network-not-restored',
        id,
        `network ${name} of Docker's has no records and cannot be used: ${describeError(error)}; ${remedy}`,
      );
    }
  }

  #find(kind: ReconcileFinding['kind'], subject: string, message: string): readonly ReconcileFinding[] {
    const finding = { kind, subject, message };
    this.#on.findingLog.tellNew([finding]);
    return [finding];
  }
}
