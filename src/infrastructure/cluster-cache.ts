import type { ClusterChange, ClusterStore } from '../effects/cluster-view.js';
import type { Change, Datastore, Transaction, TransactionOutcome, Watch, WatchUpdate } from '../effects/datastore.js';
import type { Logger } from '../effects/logger.js';
import { BGP_SETTINGS_KEY } from '../model/bgp-settings.js';
import type { Endpoint } from '../model/endpoint.js';
import type { NodeName } from '../model/ids.js';
import { type Network, nodeNetworkKey } from '../model/network.js';
import { type ClusterTables, clusterTables, localNetworkTable } from './cluster-tables.js';
import type { ValueChange } from './record-table.js';

type Kind = ClusterChange['kind'];

/**
 * The cluster's records in memory over any Datastore: a watch for each kind, and our own commits ahead of it.
 *
 * What another node writes in one transaction arrives one kind after the other; our own transactions are whole in the
 * view before the first listener is told of them.
 */
export class ClusterCache implements ClusterStore {
  readonly #datastore: Datastore;
  readonly #log: Logger;
  readonly #tables: ClusterTables;
  readonly #localNetworks;
  readonly #listeners = new Set<(change: ClusterChange) => void>();
  readonly #watches: readonly Watch[];
  readonly #ready: Promise<void>;

  constructor(options: { readonly datastore: Datastore; readonly node: NodeName; readonly log: Logger }) {
    this.#datastore = options.datastore;
    this.#log = options.log;
    this.#tables = clusterTables((key, problem) =>
      options.log.error({ key, problem }, 'a stored record cannot be used and is left out'),
    );
    this.#localNetworks = localNetworkTable(options.node);
    const kinds = Object.keys(this.#tables) as Kind[];
    const watched = kinds.map((kind) => this.#watch(kind));
    this.#watches = watched.map(({ watch }) => watch);
    this.#ready = Promise.all(watched.map(({ first }) => first)).then(() => undefined);
  }

  get nodes() {
    return this.#tables.node.entries;
  }

  get pools() {
    return this.#tables.pool.entries;
  }

  get networks() {
    return this.#tables.network.entries;
  }

  get localNetworks() {
    return this.#localNetworks.entries;
  }

  get nodeNetworks() {
    return this.#tables.nodeNetwork.entries;
  }

  get profiles() {
    return this.#tables.profile.entries;
  }

  get endpoints() {
    return this.#tables.endpoint.entries;
  }

  get bgpPeers() {
    return this.#tables.bgpPeer.entries;
  }

  get bgpSettings() {
    return this.#tables.bgpSettings.entries.get(BGP_SETTINGS_KEY);
  }

  networkOf({ node, dockerNetworkId }: Pick<Endpoint, 'node' | 'dockerNetworkId'>): Network | undefined {
    const nodeNetwork = this.#tables.nodeNetwork.entries.get(nodeNetworkKey(node, dockerNetworkId));
    return nodeNetwork && this.networks.get(nodeNetwork.value.network)?.value;
  }

  get problems() {
    return Object.values(this.#tables).flatMap((table) =>
      [...table.problems].map(([key, problem]) => ({ key, problem })),
    );
  }

  ready(): Promise<void> {
    return this.#ready;
  }

  subscribe(listener: (change: ClusterChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async transact(transaction: Transaction): Promise<TransactionOutcome> {
    const outcome = await this.#datastore.transact(transaction);
    if (outcome.kind === 'committed') {
      this.#applyCommit(transaction.writes.map((write) => ({ ...write, revision: outcome.revision })));
    }
    return outcome;
  }

  /** Closes the watches; the datastore stays open. */
  async close(): Promise<void> {
    await Promise.all(this.#watches.map((watch) => watch.close()));
  }

  #watch(kind: Kind): { readonly watch: Watch; readonly first: Promise<void> } {
    let told: () => void;
    const first = new Promise<void>((resolve) => {
      told = resolve;
    });
    const watch = this.#datastore.watch(this.#tables[kind].prefix, (update) => {
      this.#applyUpdate(kind, update);
      told();
    });
    return { watch, first };
  }

  #applyUpdate(kind: Kind, update: WatchUpdate): void {
    const changes = this.#tables[kind].applyUpdate(update);
    if (kind === 'nodeNetwork') this.#localNetworks.applyUpdate(update);
    this.#tell(changes.map((change) => named(kind, change)));
  }

  #applyCommit(writes: readonly Change[]): void {
    this.#localNetworks.applyCommit(writes);
    const kinds = Object.keys(this.#tables) as Kind[];
    const changes = kinds.flatMap((kind) => {
      const ofKind: readonly ValueChange<unknown>[] = this.#tables[kind].applyCommit(writes);
      return ofKind.map((change) => named(kind, change));
    });
    this.#tell(changes);
  }

  #tell(changes: readonly ClusterChange[]): void {
    for (const change of changes) {
      for (const listener of this.#listeners) {
        try {
          listener(change);
        } catch (error) {
          this.#log.error({ err: error, kind: change.kind, key: change.key }, 'a listener of the cluster view failed');
        }
      }
    }
  }
}

/** The table of a kind holds that kind's values: this is where the two meet. */
const named = (kind: Kind, change: ValueChange<unknown>): ClusterChange => ({ kind, ...change }) as ClusterChange;
