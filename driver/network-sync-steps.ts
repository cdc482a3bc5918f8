import type { Clock } from '../src/effects/clock.js';
import type { ClusterStore } from '../src/effects/cluster-view.js';
import type { Docker } from '../src/effects/docker.js';
import type { DockerNetworks } from '../src/effects/docker-networks.js';
import type { Logger } from '../src/effects/logger.js';
import type { ReconcileFinding } from '../src/effects/reconcile-status.js';
import { ConflictError, describeError, NotFoundError } from '../src/model/errors.js';
import type { DockerNetworkId, NodeName } from '../src/model/ids.js';
import { ConfigNetworkRecord, configNetworkKey, configNetworkName, type Network } from '../src/model/network.js';
import type { NetworkPlan } from '../src/model/network-plan.js';
import type { FreshNetworks } from './fresh-networks.js';
import { learnNetworkName } from './network-name.js';
import type { SyncStep } from './network-sync-decision.js';
import { networkEnd } from './networks.js';
import type { NetworksUnderWay } from './networks-under-way.js';

/** ms that Docker must call a config-only network in use though nothing is on it: an instance goes in several steps. */
const IN_USE_MS = 10_000;

export interface NetworkSyncStepsDependencies {
  readonly node: NodeName;
  readonly store: ClusterStore;
  readonly docker: Pick<Docker, 'containers'>;
  readonly dockerNetworks: DockerNetworks;
  readonly underWay: NetworksUnderWay;
  /** Whether a network of this driver is ours. */
  readonly isOurDriver: (driver: string) => boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Carries out in this node's Docker, and in the records, what was decided to be missing or too many. */
export class NetworkSyncSteps {
  readonly #on: NetworkSyncStepsDependencies;
  readonly #fresh: FreshNetworks;
  /** Config-only networks that Docker keeps for no instance that is there, since when (ms). */
  readonly #inUseSince = new Map<DockerNetworkId, number>();

  constructor(dependencies: NetworkSyncStepsDependencies, fresh: FreshNetworks) {
    this.#on = dependencies;
    this.#fresh = fresh;
  }

  /** What hindered it, if anything did; nothing is thrown. */
  async carryOut(step: SyncStep): Promise<readonly ReconcileFinding[]> {
    const { name } = 'plan' in step ? step.plan : step.network;
    try {
      return await this.#attempt(step);
    } catch (error) {
      return [failure(step.kind, name, error)];
    }
  }

  #attempt(step: SyncStep): Promise<readonly ReconcileFinding[]> {
    switch (step.kind) {
      case 'make':
        return this.#make(step.plan);
      case 'remove':
        return this.#remove(step.network, step.dockerNetworkId);
      case 'prepare':
        return this.#prepare(step.plan, step.configName);
      case 'unprepare':
        return this.#unprepare(step.network, step.dockerNetworkId);
      case 'end':
        return this.#end(step.network);
    }
  }

  async #make(plan: NetworkPlan): Promise<readonly ReconcileFinding[]> {
    const { dockerNetworks, underWay, isOurDriver, log } = this.#on;
    const { name } = plan;
    const there = await dockerNetworks.find(name);
    // One of our driver's is the reconciler's to name, or to say why it cannot.
    if (there !== undefined) return isOurDriver(there.driver) ? [] : [foreign(plan, there.driver)];
    underWay.joining.add(name);
    try {
      const id = await dockerNetworks.create(plan);
      if ((await this.#fresh.add(id, name)) === 'gone') return [];
      if ((await learnNetworkName(this.#on, { id, name, recipe: plan })) === 'gone') {
        await leaveNetwork(this.#on, id);
        log.info({ network: name }, 'the network was removed elsewhere while it was made here, and is removed again');
      } else log.info({ network: name, networkId: id }, 'made the network here, as other hosts have it');
      return [];
    } finally {
      underWay.joining.delete(name);
    }
  }

  async #remove({ name, removal }: Network, id: DockerNetworkId): Promise<readonly ReconcileFinding[]> {
    const { docker, log } = this.#on;
    const containers = await docker.containers();
    const on = (containers ?? []).filter(({ networks }) => networks.includes(name));
    if (on.length > 0) {
      const names = on.map((container) => `${container.name} (${container.state})`).join(', ');
      const message = `network ${name} was removed on ${removal?.node}, and goes from this host when no container is on it any more: remove ${names}, or create the network there again`;
      return [{ kind: 'network-not-removed', subject: name, message }];
    }
    await leaveNetwork(this.#on, id);
    log.info({ network: name, removedOn: removal?.node }, 'removed the network here, as it was removed elsewhere');
    return [];
  }

  async #prepare(plan: NetworkPlan, configName: string): Promise<readonly ReconcileFinding[]> {
    const { node, store, dockerNetworks, log } = this.#on;
    const there = await dockerNetworks.find(configName);
    if (there !== undefined && there.labels[CONFIG_LABEL] !== plan.name) {
      const message = `this host cannot be prepared for swarm network ${plan.name}: Docker has another network ${configName}; remove that one, and the host is prepared by itself`;
      return [{ kind: 'network-not-made', subject: plan.name, message }];
    }
    const dockerNetworkId = there?.id ?? (await dockerNetworks.createConfig(asConfig(plan, configName)));
    const key = configNetworkKey(node, plan.name);
    const value = ConfigNetworkRecord.encode({ node, network: plan.name, dockerNetworkId });
    await store.transact({ compares: [], writes: [{ kind: 'put', key, value }] });
    log.info({ network: plan.name }, 'this host is prepared for the swarm network');
    return [];
  }

  /**
   * Docker refuses while an instance of the network is here. Version 20.10 also does for ever after a power failure
   * that took an instance, which it goes on counting: then that one stays, and nothing else waits for it.
   */
  async #unprepare(network: Network, id: DockerNetworkId): Promise<readonly ReconcileFinding[]> {
    const { node, store, dockerNetworks, log } = this.#on;
    const { name } = network;
    try {
      await leaveNetwork(this.#on, id);
    } catch (error) {
      if (!(error instanceof ConflictError) || (await dockerNetworks.find(name)) !== undefined) throw error;
      if (!this.#isInUseForGood(id)) throw error;
      const left = { network: name, configNetwork: configNetworkName(network), error: describeError(error) };
      log.warn(
        left,
        'Docker keeps a config-only network for one that it lost in a crash; it is left to it, and does no harm',
      );
    }
    await store.transact({ compares: [], writes: [{ kind: 'delete', key: configNetworkKey(node, name) }] });
    return [];
  }

  #isInUseForGood(id: DockerNetworkId): boolean {
    const nowMs = this.#on.clock.now().getTime();
    const sinceMs = this.#inUseSince.get(id) ?? nowMs;
    this.#inUseSince.set(id, sinceMs);
    return nowMs - sinceMs >= IN_USE_MS;
  }

  /** Every node does, and one comes first. */
  async #end({ name }: Network): Promise<readonly ReconcileFinding[]> {
    const end = networkEnd(this.#on.store, name);
    if (end !== undefined) await this.#on.store.transact(end);
    return [];
  }
}

/** Removes a network from this node's Docker, which is no removal for the others. */
export async function leaveNetwork(
  { dockerNetworks, underWay }: Pick<NetworkSyncStepsDependencies, 'dockerNetworks' | 'underWay'>,
  id: DockerNetworkId,
): Promise<void> {
  underWay.leaving.add(id);
  try {
    await dockerNetworks.remove(id);
  } catch (error) {
    // Somebody else was quicker.
    if (!(error instanceof NotFoundError)) throw error;
  } finally {
    underWay.leaving.delete(id);
  }
}

/** Tells the config-only networks that are ours. */
const CONFIG_LABEL = 'corduroy.swarm';

const asConfig = (plan: NetworkPlan, name: string) => ({
  ...plan,
  name,
  labels: { ...plan.labels, [CONFIG_LABEL]: plan.name },
});

const WHAT_FAILED: Readonly<Record<SyncStep['kind'], (name: string) => string>> = {
  make: (name) => `network ${name}, which other hosts have, cannot be made here`,
  prepare: (name) => `this host cannot be prepared for swarm network ${name}`,
  remove: (name) => `network ${name}, which was removed on another host, cannot be removed here`,
  unprepare: (name) => `what prepared this host for swarm network ${name} cannot be removed yet`,
  end: (name) => `the records of network ${name}, which is removed, cannot be removed`,
};

const failure = (step: SyncStep['kind'], name: string, error: unknown): ReconcileFinding => ({
  kind: step === 'make' || step === 'prepare' ? 'network-not-made' : 'network-not-removed',
  subject: name,
  message: `${WHAT_FAILED[step](name)}: ${describeError(error)}`,
});

const foreign = ({ name, subnets }: NetworkPlan, driver: string): ReconcileFinding => ({
  kind: 'network-not-made',
  subject: name,
  message: `network ${name} (${subnets.map(({ cidr }) => cidr).join(', ')}), which other hosts have, cannot be made here: Docker has a network of that name and of driver ${driver}; remove that one, and it is made by itself`,
});
