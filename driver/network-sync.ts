import type { Clock } from '../src/effects/clock.js';
import type { ClusterChange, ClusterStore } from '../src/effects/cluster-view.js';
import type { Docker } from '../src/effects/docker.js';
import type { DockerNetworks } from '../src/effects/docker-networks.js';
import type { Logger } from '../src/effects/logger.js';
import type { ReconcileFinding } from '../src/effects/reconcile-status.js';
import { ConflictError, describeError, NotFoundError } from '../src/model/errors.js';
import type { DockerNetworkId, NodeName } from '../src/model/ids.js';
import {
  ConfigNetworkRecord,
  configNetworkKey,
  configNetworkName,
  type Network,
  NetworkRecord,
  networkKey,
} from '../src/model/network.js';
import type { NetworkPlan } from '../src/model/network-plan.js';
import { DueLoop } from './due-loop.js';
import { FindingLog } from './finding-log.js';
import { FreshNetworks } from './fresh-networks.js';
import { learnNetworkName } from './network-name.js';
import { decideSync, type SyncStep } from './network-sync-decision.js';
import { networkEnd } from './networks.js';
import type { NetworksUnderWay } from './networks-under-way.js';

/** ms between runs that nothing asked for. */
const INTERVAL_MS = 60_000;
/** ms until what could not be done is tried again. */
const RETRY_MS = 5_000;
/** ms from a change to the run that it asks for; many changes ask for one. */
const CHANGE_DELAY_MS = 50;
/** All nodes hear of a change at once, and write the same records for it: ms for each of them, to spread them over. */
const SPREAD_MS_PER_NODE = 5;
/** A network that this node removed so many ms before the end of a prune was removed by it. */
const PRUNE_MS = 30_000;

/** ms that Docker must call a config-only network in use though nothing is on it: an instance goes in several steps. */
const IN_USE_MS = 10_000;

export interface NetworkSyncDependencies {
  readonly node: NodeName;
  readonly store: ClusterStore;
  readonly docker: Pick<Docker, 'containers' | 'events'>;
  readonly dockerNetworks: DockerNetworks;
  readonly underWay: NetworksUnderWay;
  /** Whether a network of this driver is ours. */
  readonly isOurDriver: (driver: string) => boolean;
  readonly isForThisNode: (network: Network) => boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Makes in this node's Docker what other nodes have of the cluster's networks, and removes what was removed elsewhere,
 * as soon as no container is on it. What cannot be done is a finding, and tried again. Never runs inside a call of
 * Docker's: Docker calls us back before it answers.
 */
export class NetworkSync {
  readonly #on: NetworkSyncDependencies;
  readonly #findingLog: FindingLog;
  readonly #loop: DueLoop;
  readonly #events: { close(): void };
  readonly #unsubscribe: () => void;
  readonly #fresh: FreshNetworks;
  #findings: readonly ReconcileFinding[] = [];
  /** Config-only networks that Docker keeps for no instance that is there, since when (ms). */
  readonly #inUseSince = new Map<DockerNetworkId, number>();

  /** Begins at once: the cluster's records must be there. */
  constructor(dependencies: NetworkSyncDependencies) {
    this.#on = dependencies;
    this.#findingLog = new FindingLog(dependencies.log);
    this.#fresh = new FreshNetworks({ ...dependencies, leave: (id) => this.#leave(id) });
    this.#loop = new DueLoop({ clock: dependencies.clock, intervalMs: INTERVAL_MS, deed: () => this.#run() });
    this.#unsubscribe = dependencies.store.subscribe((change) => this.#hear(change));
    this.#events = dependencies.docker.events((event) => {
      if (event.kind === 'connected') this.#loop.within(0);
      if (event.kind === 'networkCreated') this.#loop.within(CHANGE_DELAY_MS);
      if (event.kind === 'networksPruned') void this.#undoPrune();
    });
  }

  findings(): readonly ReconcileFinding[] {
    return this.#findings;
  }

  /** Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    this.#events.close();
    this.#unsubscribe();
    await this.#loop.close();
  }

  #hear(change: ClusterChange): void {
    if (!this.#concerns(change)) return;
    this.#loop.within(CHANGE_DELAY_MS + Math.random() * SPREAD_MS_PER_NODE * this.#on.store.nodes.size);
  }

  #concerns({ kind, before, after }: ClusterChange): boolean {
    if (kind === 'network') return true;
    if (after !== undefined) return false;
    if (kind === 'endpoint') return before?.node === this.#on.node;
    if ((kind !== 'nodeNetwork' && kind !== 'configNetwork') || before === undefined) return false;
    return before.node === this.#on.node || this.#on.store.networks.get(before.network)?.value.removal !== undefined;
  }

  async #run(): Promise<void> {
    const { node, store, isForThisNode } = this.#on;
    const findings = [...(await this.#fresh.look())];
    const prepared = [...store.configNetworks.values()].map(({ value }) => value);
    const steps = decideSync({
      networks: [...store.networks.values()].map(({ value }) => value),
      local: [...store.localNetworks.values()].map(({ value }) => value),
      prepared: prepared.filter((one) => one.node === node),
      held: new Set([
        ...[...store.nodeNetworks.values()].map(({ value }) => value.network),
        ...prepared.map((one) => one.network),
      ]),
      isForThisNode,
    });
    for (const step of steps) {
      if (this.#loop.signal.aborted) return;
      findings.push(...(await this.#carryOut(step)));
    }
    this.#findings = findings;
    this.#findingLog.tellNew(findings);
    if (findings.length > 0 || this.#fresh.size > 0) this.#loop.within(RETRY_MS);
  }

  async #carryOut(step: SyncStep): Promise<readonly ReconcileFinding[]> {
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
        await this.#leave(id);
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
    await this.#leave(id);
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
      await this.#leave(id);
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

  async #leave(id: DockerNetworkId): Promise<void> {
    const { dockerNetworks, underWay } = this.#on;
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

  /**
   * A prune takes every network that has no container on its own host. One that is in use on another host was not meant:
   * it stays there, and comes back here.
   */
  async #undoPrune(): Promise<void> {
    const { node, store, clock, log } = this.#on;
    const sinceMs = clock.now().getTime() - PRUNE_MS;
    const used = new Set([...store.endpoints.values()].map(({ value }) => store.networkOf(value)?.name));
    for (const { value: network, revision } of [...store.networks.values()]) {
      const { name, removal } = network;
      if (removal?.node !== node || Date.parse(removal.requestedAt) < sinceMs || !used.has(name)) continue;
      const key = networkKey(name);
      const value = NetworkRecord.encode({ ...network, removal: undefined });
      const write = { kind: 'put', key, value } as const;
      await store.transact({ compares: [{ key, revision }], writes: [write] }).catch((error) => {
        log.warn({ network: name, error: describeError(error) }, 'the network cannot be kept from being pruned');
      });
      log.info({ network: name }, 'the network was pruned here and is in use elsewhere: it is made again');
    }
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
