import type { ClusterChange } from '../src/effects/cluster-view.js';
import { contains, prefixLengthOf } from '../src/model/cidr.js';
import { type Endpoint, profilesOf } from '../src/model/endpoint.js';
import {
  type EndpointId,
  hostInterfaceOf,
  type InterfaceName,
  type NetworkName,
  type NodeName,
  type ProfileName,
  type TagName,
} from '../src/model/ids.js';
import type { IpAddress } from '../src/model/ip-address.js';
import type { Network, NodeNetwork } from '../src/model/network.js';
import type { Node } from '../src/model/node.js';
import type { Pool } from '../src/model/pool.js';
import type { Profile } from '../src/model/profile.js';
import { SharedLists } from './shared-lists.js';

/**
 * The records that policy depends on, and which endpoints depend on each: a change of one record then costs only what
 * follows from it.
 */
export class ClusterIndex {
  readonly #node: NodeName;
  /** By key of the record, as `pools`. */
  readonly nodes = new Map<string, Node>();
  readonly pools = new Map<string, Pool>();
  readonly networks = new Map<NetworkName, Network>();
  readonly profiles = new Map<ProfileName, Profile>();
  readonly endpoints = new Map<EndpointId, Endpoint>();
  readonly sharedTags = new SharedLists<TagName>();
  readonly #nodeNetworks = new Map<string, NodeNetwork>();
  readonly #keysOfNetwork = new Groups<NetworkName, string>();
  readonly #endpointsOnNetwork = new Groups<string, EndpointId>();
  readonly #endpointsOfProfile = new Groups<ProfileName, EndpointId>();
  readonly #profilesOfEndpoint = new Map<EndpointId, readonly ProfileName[]>();
  readonly #sharedProfiles = new SharedLists<ProfileName>();
  /** Of this node, as the next. */
  readonly #localEndpoints = new Set<EndpointId>();
  readonly #endpointsOfInterface = new Groups<InterfaceName, EndpointId>();

  constructor(node: NodeName) {
    this.#node = node;
  }

  /** Takes the change in, and returns the endpoints that it may concern. */
  apply(change: ClusterChange): Iterable<EndpointId> {
    switch (change.kind) {
      case 'node':
        setOrDelete(this.nodes, change.key, change.after);
        return [];
      case 'pool':
        setOrDelete(this.pools, change.key, change.after);
        return [...this.#localEndpoints];
      case 'network':
        setOrDelete(this.networks, nameOf(change), change.after);
        return this.#reindexed(this.#endpointsOf(nameOf(change)));
      case 'nodeNetwork':
        return this.#applyNodeNetwork(change);
      case 'profile':
        setOrDelete(this.profiles, nameOf(change), change.after);
        return this.#endpointsOfProfile.of(nameOf(change));
      case 'endpoint':
        return this.#applyEndpoint(change);
      case 'configNetwork':
      case 'bgpPeer':
      case 'bgpSettings':
        return [];
    }
  }

  networkOf(endpoint: Endpoint): Network | undefined {
    const name = this.#nodeNetworks.get(networkKey(endpoint))?.network;
    return name === undefined ? undefined : this.networks.get(name);
  }

  /** Undefined: neither named by the endpoint, nor is its network known. */
  profileNamesOf(endpoint: Endpoint): readonly ProfileName[] | undefined {
    const network = this.networkOf(endpoint);
    return network === undefined ? (endpoint.profiles ?? endpoint.containerProfiles) : profilesOf(endpoint, network);
  }

  /** The smallest pool that holds the address. */
  poolOf(address: IpAddress): Pool | undefined {
    let best: Pool | undefined;
    for (const pool of this.pools.values()) {
      if (!contains(pool.cidr, address)) continue;
      if (best === undefined || prefixLengthOf(pool.cidr) > prefixLengthOf(best.cidr)) best = pool;
    }
    return best;
  }

  /** Of several endpoints of this node that would have one interface name, the one that has it: the least id. */
  hasInterface({ id }: Endpoint): boolean {
    for (const other of this.#endpointsOfInterface.of(hostInterfaceOf(id))) if (other < id) return false;
    return true;
  }

  #applyNodeNetwork({ before, after }: Extract<ClusterChange, { kind: 'nodeNetwork' }>): Iterable<EndpointId> {
    const key = networkKey((after ?? before) as NodeNetwork);
    const known = this.#nodeNetworks.get(key);
    if (known !== undefined) this.#keysOfNetwork.delete(known.network, key);
    if (after !== undefined) this.#keysOfNetwork.add(after.network, key);
    setOrDelete(this.#nodeNetworks, key, after);
    return this.#reindexed([...this.#endpointsOnNetwork.of(key)]);
  }

  #applyEndpoint(change: Extract<ClusterChange, { kind: 'endpoint' }>): Iterable<EndpointId> {
    const { id } = (change.after ?? change.before) as Endpoint;
    const before = this.endpoints.get(id);
    if (before !== undefined) {
      this.#endpointsOnNetwork.delete(networkKey(before), id);
    }
    setOrDelete(this.endpoints, id, change.after);
    if (change.after !== undefined) this.#endpointsOnNetwork.add(networkKey(change.after), id);
    return this.#reindexed(new Set([id, ...this.#moveLocal(before, change.after, id)]));
  }

  /** @returns the endpoints whose claim to the interface may be another now */
  #moveLocal(before: Endpoint | undefined, after: Endpoint | undefined, id: EndpointId): Iterable<EndpointId> {
    const wasLocal = before?.node === this.#node;
    const isLocal = after?.node === this.#node;
    if (!wasLocal && !isLocal) return [];
    const name = hostInterfaceOf(id);
    if (isLocal) {
      this.#localEndpoints.add(id);
      this.#endpointsOfInterface.add(name, id);
    } else {
      this.#localEndpoints.delete(id);
      this.#endpointsOfInterface.delete(name, id);
    }
    return this.#endpointsOfInterface.of(name);
  }

  #endpointsOf(network: NetworkName): readonly EndpointId[] {
    return [...this.#keysOfNetwork.of(network)].flatMap((key) => [...this.#endpointsOnNetwork.of(key)]);
  }

  /** Brings up to date which profiles the endpoints have. */
  #reindexed(ids: Iterable<EndpointId>): Iterable<EndpointId> {
    for (const id of ids) {
      const endpoint = this.endpoints.get(id);
      const found = endpoint === undefined ? undefined : this.profileNamesOf(endpoint);
      const names = found && this.#sharedProfiles.share(found);
      const known = this.#profilesOfEndpoint.get(id);
      if (known === names) continue;
      for (const name of known ?? []) this.#endpointsOfProfile.delete(name, id);
      for (const name of names ?? []) this.#endpointsOfProfile.add(name, id);
      setOrDelete(this.#profilesOfEndpoint, id, names);
    }
    return ids;
  }
}

/** Sets under keys; an empty one takes no room. */
class Groups<K, V> {
  readonly #groups = new Map<K, Set<V>>();

  of(key: K): ReadonlySet<V> {
    return this.#groups.get(key) ?? new Set();
  }

  add(key: K, value: V): void {
    const group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, new Set([value]));
    else group.add(value);
  }

  delete(key: K, value: V): void {
    const group = this.#groups.get(key);
    group?.delete(value);
    if (group?.size === 0) this.#groups.delete(key);
  }
}

const networkKey = ({ node, dockerNetworkId }: Pick<NodeNetwork, 'node' | 'dockerNetworkId'>): string =>
  `${node}/${dockerNetworkId}`;

/** Name of the record that changed. */
export const nameOf = <N>({ before, after }: { before: { name: N } | undefined; after: { name: N } | undefined }): N =>
  ((after ?? before) as { name: N }).name;

function setOrDelete<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
