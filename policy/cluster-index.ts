import type { ClusterChange } from '../src/effects/cluster-view.js';
import { contains, prefixLengthOf } from '../src/model/cidr.js';
import { type Endpoint, profilesOf } from '../src/model/endpoint.js';
import {
  type EndpointId,
  hostInterfaceOf,
  type NetworkName,
  type NodeName,
  type ProfileName,
} from '../src/model/ids.js';
import type { IpAddress } from '../src/model/ip-address.js';
import type { Network, NodeNetwork } from '../src/model/network.js';
import type { Node } from '../src/model/node.js';
import type { Pool } from '../src/model/pool.js';
import type { Profile } from '../src/model/profile.js';

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
  readonly #nodeNetworks = new Map<string, NodeNetwork>();
  readonly #keysOfNetwork = new Groups<NetworkName, string>();
  readonly #endpointsOnNetwork = new Groups<string, EndpointId>();
  readonly #endpointsOfProfile = new Groups<ProfileName, EndpointId>();
  readonly #endpointsOfNode = new Groups<NodeName, EndpointId>();
  readonly #endpointsOfInterface = new Groups<string, EndpointId>();
  readonly #profilesOfEndpoint = new Map<EndpointId, readonly ProfileName[]>();

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
        return [...this.#endpointsOfNode.of(this.#node)];
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

  /** Of several endpoints of one node that would have one interface name, the one that has it: the least id. */
  hasInterface(endpoint: Endpoint): boolean {
    for (const other of this.#endpointsOfInterface.of(interfaceKey(endpoint))) if (other < endpoint.id) return false;
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
      this.#endpointsOfInterface.delete(interfaceKey(before), id);
      this.#endpointsOfNode.delete(before.node, id);
    }
    setOrDelete(this.endpoints, id, change.after);
    if (change.after !== undefined) {
      this.#endpointsOnNetwork.add(networkKey(change.after), id);
      this.#endpointsOfInterface.add(interfaceKey(change.after), id);
      this.#endpointsOfNode.add(change.after.node, id);
    }
    const sharing = [before, change.after].flatMap((endpoint) =>
      endpoint === undefined ? [] : [...this.#endpointsOfInterface.of(interfaceKey(endpoint))],
    );
    return this.#reindexed(new Set([id, ...sharing]));
  }

  #endpointsOf(network: NetworkName): readonly EndpointId[] {
    return [...this.#keysOfNetwork.of(network)].flatMap((key) => [...this.#endpointsOnNetwork.of(key)]);
  }

  /** Brings up to date which profiles the endpoints have. */
  #reindexed(ids: Iterable<EndpointId>): Iterable<EndpointId> {
    for (const id of ids) {
      const endpoint = this.endpoints.get(id);
      const names = endpoint === undefined ? undefined : this.profileNamesOf(endpoint);
      for (const name of this.#profilesOfEndpoint.get(id) ?? []) this.#endpointsOfProfile.delete(name, id);
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
const interfaceKey = ({ node, id }: Endpoint): string => `${node}/${hostInterfaceOf(id)}`;

/** Name of the record that changed. */
export const nameOf = <N>({ before, after }: { before: { name: N } | undefined; after: { name: N } | undefined }): N =>
  ((after ?? before) as { name: N }).name;

function setOrDelete<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
