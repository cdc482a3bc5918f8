import type { ClusterChange, ClusterStore } from '../effects/cluster-view.js';
import type { Change, Datastore, FollowUpdate, Transaction, TransactionOutcome, Watch } from '../effects/datastore.js';
import type { Logger } from '../effects/logger.js';
import { BGP_SETTINGS_KEY } from '../model/bgp-settings.js';
import { type Endpoint, EndpointRecord } from '../model/endpoint.js';
import type { NodeName } from '../model/ids.js';
import { type Network, NodeNetworkRecord, nodeNetworkKey } from '../model/network.js';
import { type ClusterTables, clusterTables, localEndpointTable, localNetworkTable } from './cluster-tables.js';
import { partsByKind } from './parts-by-kind.js';
import type { ValueChange } from './record-table.js';

type Kind = ClusterChange['kind'];

/**
 * The cluster's records in memory over any Datastore: what following it tells, and our own commits ahead of that.
 * Each transaction, ours or another node's, is whole in the view before the first listener is told of it.
 */
export class ClusterCache implements ClusterStore {
  readonly #datastore: Datastore;
  readonly #log: Logger;
  readonly #tables: ClusterTables;
  readonly #localNetworks;
  readonly #localEndpoints;
  readonly #listeners = new Set<(change: ClusterChange) => void>();
  readonly #watch: Watch;
  readonly #ready: Promise<void>;

  constructor(options: { readonly datastore: Datastore; readonly node: NodeName; readonly log: Logger }) {
    this.#datastore = options.datastore;
    this.#log = options.log;
    this.#tables = clusterTables((key, problem) =>
      options.log.error({ key, problem }, 'a stored record cannot be used and is left out'),
    );
    this.#localNetworks = localNetworkTable(options.node);
    this.#localEndpoints = localEndpointTable(options.node);
    let told = () => {};
    this.#ready = new Promise((resolve) => {
      told = resolve;
    });
    const prefixes = Object.values(this.#tables).map(({ prefix }) => prefix);
    this.#watch = this.#datastore.follow(prefixes, (update) => {
      this.#applyUpdate(update);
      if (update.kind === 'part' && update.last) told();
    });
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

  get configNetworks() {
    return this.#tables.configNetwork.entries;
  }

  get profiles() {
    return this.#tables.profile.entries;
  }

  get endpoints() {
    return this.#tables.endpoint.entries;
  }

  get localEndpoints() {
    return this.#localEndpoints.entries;
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

  /** The datastore stays open. */
  close(): Promise<void> {
    return this.#watch.close();
  }

  #applyUpdate(update: FollowUpdate): void {
    const partOf = partsByKind(update);
    this.#localNetworks.applyUpdate(partOf(NodeNetworkRecord.prefix));
    this.#localEndpoints.applyUpdate(partOf(EndpointRecord.prefix));
    this.#tell(this.#ofAllTables((table) => table.applyUpdate(partOf(table.prefix))));
  }

  #applyCommit(writes: readonly Change[]): void {
    this.#localNetworks.applyCommit(writes);
    this.#localEndpoints.applyCommit(writes);
    this.#tell(this.#ofAllTables((table) => table.applyCommit(writes)));
  }

  #ofAllTables(apply: (table: ClusterTables[Kind]) => readonly ValueChange<unknown>[]): readonly ClusterChange[] {
    const kinds = Object.keys(this.#tables) as Kind[];
    return kinds.flatMap((kind) => apply(this.#tables[kind]).map((change) => named(kind, change)));
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
