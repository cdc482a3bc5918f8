import type { ClusterChange } from '../src/effects/cluster-view.js';
import { contains, prefixLengthOf } from '../src/model/cidr.js';
import { type Endpoint, profilesOfNetwork } from '../src/model/endpoint.js';
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
import { KnownEndpoint } from './known-endpoint.js';
import { type Place, Places } from './places.js';
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
  readonly endpoints = new Map<EndpointId, KnownEndpoint>();
  readonly #places = new Places();
  readonly #placesOfNetwork = new Groups<NetworkName, Place>();
  /** Profiles of endpoints that have none of their own. */
  readonly #profilesOfNetwork = new WeakMap<Network, readonly ProfileName[]>();
  readonly #endpointsOfProfile = new Groups<ProfileName, EndpointId>();
  readonly #sharedProfiles = new SharedLists<ProfileName>();
  readonly #sharedTags = new SharedLists<TagName>();
  /** Of each shared list of profiles, while no profile changes. */
  #tagsOfProfiles = new WeakMap<readonly ProfileName[], readonly TagName[]>();
  /** Of this node, as the next. */
  readonly localEndpoints = new Map<EndpointId, Endpoint>();
  readonly #endpointsOfInterface = new Groups<InterfaceName, EndpointId>();

  constructor(node: NodeName) {
    this.#node = node;
  }

  /** The endpoints that the change may concern when it is applied. */
  concernedBy(change: ClusterChange): readonly EndpointId[] {
    switch (change.kind) {
      case 'pool':
        return [...this.localEndpoints.keys()];
      case 'network':
        return this.#endpointsOf(nameOf(change));
      case 'nodeNetwork':
        return [...(this.#places.at((change.after ?? change.before) as NodeNetwork)?.endpoints ?? NONE)];
      case 'profile':
        return [...this.#endpointsOfProfile.of(nameOf(change))];
      case 'endpoint':
        return this.#concernedByEndpoint(change);
      case 'node':
      case 'configNetwork':
      case 'bgpPeer':
      case 'bgpSettings':
        return [];
    }
  }

  /** Takes the change in. */
  apply(change: ClusterChange): void {
    switch (change.kind) {
      case 'node':
        setOrDelete(this.nodes, change.key, change.after);
        return;
      case 'pool':
        setOrDelete(this.pools, change.key, change.after);
        return;
      case 'network':
        setOrDelete(this.networks, nameOf(change), change.after);
        this.#reindex(this.#endpointsOf(nameOf(change)));
        return;
      case 'nodeNetwork':
        this.#applyNodeNetwork(change);
        return;
      case 'profile':
        setOrDelete(this.profiles, nameOf(change), change.after);
        this.#tagsOfProfiles = new WeakMap();
        return;
      case 'endpoint':
        this.#applyEndpoint(change);
        return;
      case 'configNetwork':
      case 'bgpPeer':
      case 'bgpSettings':
    }
  }

  networkOf({ place }: KnownEndpoint): Network | undefined {
    return place.record && this.networks.get(place.record.network);
  }

  /** Undefined: neither named by the endpoint, nor is its network known. */
  profileNamesOf(endpoint: KnownEndpoint): readonly ProfileName[] | undefined {
    const { chosen } = endpoint;
    const network = chosen === undefined ? this.networkOf(endpoint) : undefined;
    if (network === undefined) return chosen;
    const known = this.#profilesOfNetwork.get(network) ?? profilesOfNetwork(network);
    this.#profilesOfNetwork.set(network, known);
    return known;
  }

  /** Sorted, unique: its own and those of its profiles. The same list for all that have the same. */
  tagsOf({ tags, profiles }: KnownEndpoint): readonly TagName[] {
    const known = this.#tagsOfAll(profiles ?? NO_PROFILES);
    return tags.length === 0 ? known : this.#sharedTags.share(sortedTags([...tags, ...known]));
  }

  /** Whether `tagsOf` has it, in a fraction of the time. */
  hasTag({ tags, profiles }: KnownEndpoint, tag: TagName): boolean {
    return tags.includes(tag) || this.#tagsOfAll(profiles ?? NO_PROFILES).includes(tag);
  }

  #tagsOfAll(profiles: readonly ProfileName[]): readonly TagName[] {
    const known = this.#tagsOfProfiles.get(profiles);
    if (known !== undefined) return known;
    const tags = this.#sharedTags.share(sortedTags(profiles.flatMap((name) => this.profiles.get(name)?.tags ?? [])));
    this.#tagsOfProfiles.set(profiles, tags);
    return tags;
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
  hasInterface(id: EndpointId): boolean {
    for (const other of this.#endpointsOfInterface.of(hostInterfaceOf(id))) if (other < id) return false;
    return true;
  }

  #applyNodeNetwork({ before, after }: Extract<ClusterChange, { kind: 'nodeNetwork' }>): void {
    const place = this.#places.make((after ?? before) as NodeNetwork);
    if (place.record !== undefined) this.#placesOfNetwork.delete(place.record.network, place);
    if (after !== undefined) this.#placesOfNetwork.add(after.network, place);
    place.record = after;
    this.#places.forgetIfEmpty(place);
    this.#reindex(place.endpoints);
  }

  /** Itself, and those whose claim to its interface may be another then. */
  #concernedByEndpoint(change: Extract<ClusterChange, { kind: 'endpoint' }>): readonly EndpointId[] {
    const { id } = (change.after ?? change.before) as Endpoint;
    if (change.after?.node !== this.#node && !this.localEndpoints.has(id)) return [id];
    return [...new Set([id, ...this.#endpointsOfInterface.of(hostInterfaceOf(id))])];
  }

  #applyEndpoint({ before: changed, after }: Extract<ClusterChange, { kind: 'endpoint' }>): void {
    const { id } = (after ?? changed) as Endpoint;
    const before = this.endpoints.get(id);
    before?.place.endpoints.delete(id);
    if (after === undefined) {
      if (before !== undefined) this.#setProfiles(before, undefined);
      this.endpoints.delete(id);
    } else {
      const place = this.#places.make(after);
      place.endpoints.add(id);
      this.endpoints.set(id, new KnownEndpoint(place, after, before?.profiles));
    }
    if (before !== undefined) this.#places.forgetIfEmpty(before.place);
    this.#setLocal(id, after?.node === this.#node ? after : undefined);
    this.#reindex([id]);
  }

  #setLocal(id: EndpointId, endpoint: Endpoint | undefined): void {
    const name = hostInterfaceOf(id);
    if (endpoint !== undefined) this.#endpointsOfInterface.add(name, id);
    else if (this.localEndpoints.has(id)) this.#endpointsOfInterface.delete(name, id);
    setOrDelete(this.localEndpoints, id, endpoint);
  }

  #endpointsOf(network: NetworkName): readonly EndpointId[] {
    return [...this.#placesOfNetwork.of(network)].flatMap(({ endpoints }) => [...endpoints]);
  }

  /** Brings up to date which profiles the endpoints have. */
  #reindex(ids: Iterable<EndpointId>): void {
    for (const id of ids) {
      const endpoint = this.endpoints.get(id);
      const found = endpoint && this.profileNamesOf(endpoint);
      if (endpoint !== undefined) this.#setProfiles(endpoint, found && this.#sharedProfiles.share(found));
    }
  }

  #setProfiles(endpoint: KnownEndpoint, names: readonly ProfileName[] | undefined): void {
    const known = endpoint.profiles;
    if (known === names) return;
    for (const name of known ?? []) this.#endpointsOfProfile.delete(name, endpoint.id);
    for (const name of names ?? []) this.#endpointsOfProfile.add(name, endpoint.id);
    endpoint.profiles = names;
  }
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
