import type { ClusterChange } from '../src/effects/cluster-view.js';
import type { Docker } from '../src/effects/docker.js';
import type { ReconcileFinding } from '../src/effects/reconcile-status.js';
import { describeError } from '../src/model/errors.js';
import type { NetworkName } from '../src/model/ids.js';
import { type Network, NetworkRecord, networkKey } from '../src/model/network.js';
import { DueLoop } from './due-loop.js';
import { FindingLog } from './finding-log.js';
import { FreshNetworks } from './fresh-networks.js';
import { decideSync } from './network-sync-decision.js';
import { leaveNetwork, NetworkSyncSteps, type NetworkSyncStepsDependencies } from './network-sync-steps.js';

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

export interface NetworkSyncDependencies extends NetworkSyncStepsDependencies {
  readonly docker: Pick<Docker, 'containers' | 'events'>;
  readonly isForThisNode: (network: Network) => boolean;
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
  readonly #steps: NetworkSyncSteps;
  #findings: readonly ReconcileFinding[] = [];

  /** Begins at once: the cluster's records must be there. */
  constructor(dependencies: NetworkSyncDependencies) {
    this.#on = dependencies;
    this.#findingLog = new FindingLog(dependencies.log);
    this.#fresh = new FreshNetworks({ ...dependencies, leave: (id) => leaveNetwork(dependencies, id) });
    this.#steps = new NetworkSyncSteps(dependencies, this.#fresh);
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
      findings.push(...(await this.#steps.carryOut(step)));
    }
    this.#findings = findings;
    this.#findingLog.tellNew(findings);
    if (findings.length > 0 || this.#fresh.size > 0) this.#loop.within(RETRY_MS);
  }

  /**
   * A prune takes every network that has no container on its own host. One that is in use on another host was not meant:
   * it stays there, and comes back here.
   */
  async #undoPrune(): Promise<void> {
    const { node, store, clock, log } = this.#on;
    const sinceMs = clock.now().getTime() - PRUNE_MS;
    const used = new Set<NetworkName | undefined>();
    for (const { value } of store.endpoints.values()) used.add(store.networkOf(value)?.name);
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
