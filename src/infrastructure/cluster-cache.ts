import type { ClusterChange, ClusterStore } from '../effects/cluster-view.js';
import type { Change, Datastore, FollowUpdate, Transaction, TransactionOutcome, Watch } from '../effects/datastore.js';
import type { Logger } from '../effects/logger.js';
import { BGP_SETTINGS_KEY } from '../model/bgp-settings.js';
import { type Endpoint, EndpointRecord } from '../model/endpoint.js';
import type { NodeName } from '../model/ids.js';
import { type Network, NodeNetworkRecord, nodeNetworkKey } from '../model/network.js';
import {
  type ClusterTables,
  clusterTables,
  followedTogether,
  type Kind,
  localEndpointTable,
  localNetworkTable,
} from './cluster-tables.js';
import { partsByKind } from './parts-by-kind.js';
import type { ValueChange } from './record-table.js';

/**
 * The cluster's records in memory over any Datastore: what following it tells, and our own commits ahead of that.
 * Each transaction, ours or another node's, is whole in the view before the first listener is told of it; only what is
 * of BGP may come before or after the rest.
 */
export class ClusterCache implements ClusterStore {
  readonly #datastore: Datastore;
  readonly #log: Logger;
  readonly #tables: ClusterTables;
  readonly #kinds: readonly Kind[];
  readonly #localNetworks;
  readonly #localEndpoints;
  readonly #listeners = new Set<(change: ClusterChange) => void>();
  readonly #watches: readonly Watch[];
  readonly #ready: Promise<unknown>;

  constructor(options: { readonly datastore: Datastore; readonly node: NodeName; readonly log: Logger }) {
    this.#datastore = options.datastore;
    this.#log = options.log;
    this.#tables = clusterTables((key, problem) =>
      options.log.error({ key, problem }, 'a stored record cannot be used and is left out'),
    );
    this.#localNetworks = localNetworkTable(options.node);
    this.#localEndpoints = localEndpointTable(options.node);
    const groups = followedTogether(this.#tables);
    this.#kinds = groups.flat();
    const followed = groups.map((kinds) => this.#follow(kinds));
    this.#watches = followed.map(({ watch }) => watch);
    this.#ready = Promise.all(followed.map(({ whole }) => whole));
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

  async ready(): Promise<void> {
    await this.#ready;
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
  async close(): Promise<void> {
    await Promise.all(this.#watches.map((watch) => watch.close()));
  }

  /** @returns also `whole`: resolves when the first snapshot has been told */
  #follow(kinds: readonly Kind[]): { readonly watch: Watch; readonly whole: Promise<void> } {
    let told = () => {};
    const whole = new Promise<void>((resolve) => {
      told = resolve;
    });
    const prefixes = kinds.map((kind) => this.#tables[kind].prefix);
    const watch = this.#datastore.follow(prefixes, (update) => {
      this.#applyUpdate(kinds, update);
      if (update.kind === 'part' && update.last) told();
    });
    return { watch, whole };
  }

  #applyUpdate(kinds: readonly Kind[], update: FollowUpdate): void {
    const partOf = partsByKind(update);
    if (kinds.includes('nodeNetwork')) this.#localNetworks.applyUpdate(partOf(NodeNetworkRecord.prefix));
    if (kinds.includes('endpoint')) this.#localEndpoints.applyUpdate(partOf(EndpointRecord.prefix));
    this.#tell(this.#ofTables(kinds, (table) => table.applyUpdate(partOf(table.prefix))));
  }

  #applyCommit(writes: readonly Change[]): void {
    this.#localNetworks.applyCommit(writes);
    this.#localEndpoints.applyCommit(writes);
    this.#tell(this.#ofTables(this.#kinds, (table) => table.applyCommit(writes)));
  }

  #ofTables(
    kinds: readonly Kind[],
    apply: (table: ClusterTables[Kind]) => readonly ValueChange<unknown>[],
  ): readonly ClusterChange[] {
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
