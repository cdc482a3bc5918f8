import type { ClusterChange } from '../src/effects/cluster-view.js';
import { contains, prefixLengthOf } from '../src/model/cidr.js';
import { type Endpoint, profilesOf } from '../src/model/endpoint.js';
import {
  type DockerNetworkId,
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
  readonly #places = new Map<NodeName, Map<DockerNetworkId, Place>>();
  readonly #placesOfNetwork = new Groups<NetworkName, Place>();
  /** Profiles of endpoints that have none of their own. */
  readonly #profilesOfNetwork = new WeakMap<Network, readonly ProfileName[]>();
  readonly #endpointsOfProfile = new Groups<ProfileName, EndpointId>();
  readonly #profilesOfEndpoint = new Map<EndpointId, readonly ProfileName[]>();
  readonly #sharedProfiles = new SharedLists<ProfileName>();
  readonly #sharedTags = new SharedLists<TagName>();
  /** Of each shared list of profiles, while no profile changes. */
  #tagsOfProfiles = new WeakMap<readonly ProfileName[], readonly TagName[]>();
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
        this.#tagsOfProfiles = new WeakMap();
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
    const name = this.#places.get(endpoint.node)?.get(endpoint.dockerNetworkId)?.record?.network;
    return name === undefined ? undefined : this.networks.get(name);
  }

  /** Undefined: neither named by the endpoint, nor is its network known. */
  profileNamesOf(endpoint: Endpoint): readonly ProfileName[] | undefined {
    const chosen = endpoint.profiles ?? endpoint.containerProfiles;
    const network = chosen === undefined ? this.networkOf(endpoint) : undefined;
    if (network === undefined) return chosen;
    const known = this.#profilesOfNetwork.get(network) ?? profilesOf(endpoint, network);
    this.#profilesOfNetwork.set(network, known);
    return known;
  }

  /** Sorted, unique: its own and those of its profiles. The same list for all that have the same. */
  tagsOf({ id, tags }: Endpoint): readonly TagName[] {
    const profiles = this.#profilesOfEndpoint.get(id) ?? NO_PROFILES;
    const known = this.#tagsOfProfiles.get(profiles) ?? this.#sharedTags.share(sortedTags(this.#tagsIn(profiles)));
    this.#tagsOfProfiles.set(profiles, known);
    return tags.length === 0 ? known : this.#sharedTags.share(sortedTags([...tags, ...known]));
  }

  #tagsIn(profiles: readonly ProfileName[]): readonly TagName[] {
    return profiles.flatMap((name) => this.profiles.get(name)?.tags ?? []);
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
    const place = this.#placeOf((after ?? before) as NodeNetwork);
    if (place.record !== undefined) this.#placesOfNetwork.delete(place.record.network, place);
    if (after !== undefined) this.#placesOfNetwork.add(after.network, place);
    place.record = after;
    this.#forgetEmpty((after ?? before) as NodeNetwork);
    return this.#reindexed([...place.endpoints]);
  }

  #applyEndpoint(change: Extract<ClusterChange, { kind: 'endpoint' }>): Iterable<EndpointId> {
    const { id } = (change.after ?? change.before) as Endpoint;
    const before = this.endpoints.get(id);
    if (before !== undefined) this.#placeOf(before).endpoints.delete(id);
    setOrDelete(this.endpoints, id, change.after);
    if (change.after !== undefined) this.#placeOf(change.after).endpoints.add(id);
    if (before !== undefined) this.#forgetEmpty(before);
    const others = this.#moveLocal(before, change.after, id);
    return this.#reindexed(others === NONE ? [id] : new Set([id, ...others]));
  }

  #placeOf({ node, dockerNetworkId }: Pick<NodeNetwork, 'node' | 'dockerNetworkId'>): Place {
    const places = this.#places.get(node) ?? new Map<DockerNetworkId, Place>();
    const place = places.get(dockerNetworkId) ?? { record: undefined, endpoints: new Set() };
    this.#places.set(node, places.set(dockerNetworkId, place));
    return place;
  }

  #forgetEmpty({ node, dockerNetworkId }: Pick<NodeNetwork, 'node' | 'dockerNetworkId'>): void {
    const places = this.#places.get(node);
    const place = places?.get(dockerNetworkId);
    if (place?.record !== undefined || (place?.endpoints.size ?? 0) > 0) return;
    places?.delete(dockerNetworkId);
    if (places?.size === 0) this.#places.delete(node);
  }

  /** @returns the endpoints whose claim to the interface may be another now */
  #moveLocal(before: Endpoint | undefined, after: Endpoint | undefined, id: EndpointId): Iterable<EndpointId> {
    const wasLocal = before?.node === this.#node;
    const isLocal = after?.node === this.#node;
    if (!wasLocal && !isLocal) return NONE;
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
    return [...this.#placesOfNetwork.of(network)].flatMap(({ endpoints }) => [...endpoints]);
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

/** A network on one node; either may come first, its record or its endpoints. */
interface Place {
  record: NodeNetwork | undefined;
  readonly endpoints: Set<EndpointId>;
}

const NONE: ReadonlySet<never> = new Set();
const NO_PROFILES: readonly ProfileName[] = [];

/** Sets under keys; an empty one takes no room. */
class Groups<K, V> {
  readonly #groups = new Map<K, Set<V>>();

  of(key: K): ReadonlySet<V> {
    return this.#groups.get(key) ?? NONE;
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

const sortedTags = (tags: readonly TagName[]): readonly TagName[] => [...new Set(tags)].sort();

/** Name of the record that changed. */
export const nameOf = <N>({ before, after }: { before: { name: N } | undefined; after: { name: N } | undefined }): N =>
  ((after ?? before) as { name: N }).name;

function setOrDelete<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
