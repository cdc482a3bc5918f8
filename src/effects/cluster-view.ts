import type { BgpPeer } from '../model/bgp-peer.js';
import type { BgpSettings } from '../model/bgp-settings.js';
import type { Endpoint } from '../model/endpoint.js';
import type { DockerNetworkId, EndpointId, NetworkName, NodeName, ProfileName } from '../model/ids.js';
import type { ConfigNetwork, Network, NodeNetwork } from '../model/network.js';
import type { Node } from '../model/node.js';
import type { Pool } from '../model/pool.js';
import type { Profile } from '../model/profile.js';
import type { Revision, Transaction, TransactionOutcome } from './datastore.js';

/** A stored value with the revision it was read at, for a compare in a transaction. */
export interface Versioned<T> {
  readonly value: T;
  readonly revision: Revision;
}

/** One record as it was and as it is: neither absent would be no change. */
export interface RecordChange<K extends string, T> {
  readonly kind: K;
  readonly key: string;
  readonly before: T | undefined;
  readonly after: T | undefined;
}

export type ClusterChange =
  | RecordChange<'node', Node>
  | RecordChange<'pool', Pool>
  | RecordChange<'network', Network>
  | RecordChange<'nodeNetwork', NodeNetwork>
  | RecordChange<'configNetwork', ConfigNetwork>
  | RecordChange<'profile', Profile>
  | RecordChange<'endpoint', Endpoint>
  | RecordChange<'bgpPeer', BgpPeer>
  | RecordChange<'bgpSettings', BgpSettings>;

/**
 * The cluster's records in memory, kept by a watch. Reads are synchronous and never fail; with the datastore away they
 * show the last that was known. Corrupt records are left out and listed in `problems`.
 */
export interface ClusterView {
  readonly nodes: ReadonlyMap<NodeName, Versioned<Node>>;
  /** By key form of the CIDR (`cidrKey`). */
  readonly pools: ReadonlyMap<string, Versioned<Pool>>;
  readonly networks: ReadonlyMap<NetworkName, Versioned<Network>>;
  /** This node's networks by Docker's id. */
  readonly localNetworks: ReadonlyMap<DockerNetworkId, Versioned<NodeNetwork>>;
  /** Every node's networks, by key of the record: who else has a network. */
  readonly nodeNetworks: ReadonlyMap<string, Versioned<NodeNetwork>>;
  /** Which nodes are prepared for which network of Swarm's, by key of the record. */
  readonly configNetworks: ReadonlyMap<string, Versioned<ConfigNetwork>>;
  readonly profiles: ReadonlyMap<ProfileName, Versioned<Profile>>;
  readonly endpoints: ReadonlyMap<EndpointId, Versioned<Endpoint>>;
  /** This node's alone: few, where `endpoints` may be hundreds of thousands. */
  readonly localEndpoints: ReadonlyMap<EndpointId, Versioned<Endpoint>>;
  /** By key of the record. */
  readonly bgpPeers: ReadonlyMap<string, Versioned<BgpPeer>>;
  /** Undefined until somebody changes something. */
  readonly bgpSettings: Versioned<BgpSettings> | undefined;
  /** The network that an endpoint of any node is attached to, if its records are here. */
  networkOf(endpoint: Pick<Endpoint, 'node' | 'dockerNetworkId'>): Network | undefined;
  readonly problems: readonly { readonly key: string; readonly problem: string }[];
  /** Resolves at the first snapshot. */
  ready(): Promise<void>;
  /** Called synchronously, once for each change, in order; a snapshot arrives as the changes it makes. */
  subscribe(listener: (change: ClusterChange) => void): () => void;
}

/**
 * The view together with the way to change it. Our own committed writes are in the view, and its listeners have run,
 * before `transact` resolves: read your own writes, whatever the watch's delay.
 */
export interface ClusterStore extends ClusterView {
  transact(transaction: Transaction): Promise<TransactionOutcome>;
}
