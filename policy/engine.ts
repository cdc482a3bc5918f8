import type { ClusterChange } from '../src/effects/cluster-view.js';
import type { FirewallSource } from '../src/effects/firewall-source.js';
import type { FirewallState } from '../src/model/chain.js';
import type { Cidr } from '../src/model/cidr.js';
import type { Endpoint } from '../src/model/endpoint.js';
import type { EndpointId, NetworkName, NodeName, ProfileName, TagName } from '../src/model/ids.js';
import { familyOf, type IpAddress, type IpFamily } from '../src/model/ip-address.js';
import type { Network } from '../src/model/network.js';
import type { Node } from '../src/model/node.js';
import type { Pool } from '../src/model/pool.js';
import type { Profile } from '../src/model/profile.js';
import { AddressIndex } from './address-index.js';
import { ClusterIndex, nameOf } from './cluster-index.js';
import type { EndpointPolicy } from './compile-endpoint.js';
import { tagsReferredTo } from './compile-profile.js';
import { type EndpointView, type LocalView, onlyOpens, viewEndpoint } from './endpoint-view.js';
import { FamilyFirewall } from './family-firewall.js';
import { selectionSet, tagSet } from './ip-set-names.js';
import type { KnownEndpoint } from './known-endpoint.js';
import { type Selection, selectionsReferredTo } from './selected-endpoints.js';
import { SelectionIndex } from './selection-index.js';
import type { PolicySettings } from './settings.js';
import { UseCount } from './use-count.js';

const FAMILIES = [4, 6] as const;

/**
 * Turns the cluster's records into the firewall of one node. The result depends on the records alone, not on the
 * order in which they came; each change costs what follows from it, not the size of the cluster. Does no I/O.
 */
export class PolicyEngine implements FirewallSource {
  readonly #index: ClusterIndex;
  readonly #firewalls: Readonly<Record<IpFamily, FamilyFirewall>>;
  /** Addresses of tags that compiled profiles refer to. */
  readonly #tags = new AddressIndex<TagName>();
  readonly #selections = new SelectionIndex();
  /** Profiles that endpoints of this node have, whether they exist or not; their chains are in the firewall. */
  readonly #usedProfiles = new UseCount<ProfileName>();
  readonly #compiled = new Map<ProfileName, Profile>();
  /** Tags that compiled profiles refer to: these have sets. */
  readonly #usedTags = new UseCount<TagName>();
  /** Selections that compiled profiles refer to, by key: these have sets. */
  readonly #usedSelections = new UseCount<string>();
  /** Internal networks that endpoints of this node are on: these have sets. */
  readonly #usedNetworks = new UseCount<NetworkName>();
  #reconsiderFlows = true;

  constructor({ node, settings }: { readonly node: NodeName; readonly settings: PolicySettings }) {
    this.#index = new ClusterIndex(node);
    this.#firewalls = { 4: new FamilyFirewall(4, settings), 6: new FamilyFirewall(6, settings) };
  }

  /** What was before is what was applied before: `change.before` is not looked at, so a record may come twice. */
  apply(change: ClusterChange): void {
    const { pools, networks, nodes } = this.#index;
    const pool = change.kind === 'pool' ? pools.get(change.key) : undefined;
    const node = change.kind === 'node' ? nodes.get(change.key) : undefined;
    const network = change.kind === 'network' ? networks.get(nameOf(change)) : undefined;
    const endpoint = change.kind === 'endpoint' ? this.#index.endpoints.get(idOf(change)) : undefined;
    const concerned = this.#index.concernedBy(change);
    const before = concerned.map((id) => viewEndpoint(this.#index, id));
    this.#index.apply(change);
    // First: a selection that comes into use with what follows finds the endpoint as it is now.
    if (change.kind === 'endpoint') this.#moveSelected(endpoint, this.#index.endpoints.get(idOf(change)));
    this.#refresh(concerned.map((id, n) => ({ before: before[n], after: viewEndpoint(this.#index, id) })));
    if (change.kind === 'profile') this.#recompile(nameOf(change));
    if (change.kind === 'node') this.#moveNode(node, change.after);
    if (change.kind === 'pool') {
      this.#moveInside(cidrsOfPool(pool), cidrsOfPool(change.after));
      const kinds = [...pools.values()]
        .map(({ encapsulation }) => encapsulation.kind)
        .filter((kind) => kind !== 'none');
      this.#each((firewall) => firewall.setTunnels(new Set(kinds)));
    }
    if (change.kind === 'network') {
      this.#moveInside(cidrsOfNetwork(network), cidrsOfNetwork(change.after));
      this.#refreshNetworkSet(network, change.after);
    }
  }

  /** A copy of what the kernel should hold for one family. */
  state(family: IpFamily): FirewallState {
    return this.#firewalls[family].state();
  }

  /**
   * `reconsiderFlows` is true the first time, since what was in force before this process is not known; not for
   * endpoints that come or go whole.
   */
  takeChanges(): ReturnType<FirewallSource['takeChanges']> {
    const changes = this.#each((firewall) => firewall.takeChanges()).filter((change) => change !== undefined);
    const reconsiderFlows = this.#reconsiderFlows;
    this.#reconsiderFlows = false;
    return { changes, reconsiderFlows };
  }

  /** Brings what endpoints contribute up to their records. */
  #refresh(views: readonly ViewChange[]): void {
    const changed = views.filter(({ before, after }) => !isSameView(before, after));
    for (const { before, after } of changed) {
      if (before !== undefined && after !== undefined && this.#mayCut(before, after)) this.#reconsiderFlows = true;
      if (before !== undefined) this.#retract(before);
      if (after !== undefined) this.#contribute(after);
    }
    // Last: it may bring a tag into use, whose set is made of what all endpoints are now.
    for (const { before, after } of changed) this.#moveLocal(before, after);
  }

  /** Whether the change could deny what was allowed, to the endpoint itself or to those whose rules speak of its tags. */
  #mayCut(before: EndpointView, after: EndpointView): boolean {
    const moved = JSON.stringify(before.addresses) !== JSON.stringify(after.addresses);
    const changedTags = moved ? [...before.tags, ...after.tags] : symmetricDifference(before.tags, after.tags);
    if (changedTags.some((tag) => this.#usedTags.has(tag))) return true;
    return (
      before.local !== undefined && after.local !== undefined && !onlyOpens(before.local.policy, after.local.policy)
    );
  }

  #contribute(view: EndpointView): void {
    for (const tag of view.tags) {
      if (!this.#usedTags.has(tag)) continue;
      for (const address of view.addresses) {
        if (!this.#tags.add(tag, address)) continue;
        this.#each((firewall) => firewall.addAddressMember((family) => tagSet(family, tag), address));
      }
    }
    const { local } = view;
    if (local !== undefined) this.#each((firewall) => firewall.addLocal(view, local));
  }

  #retract(view: EndpointView): void {
    for (const tag of view.tags) {
      if (!this.#usedTags.has(tag)) continue;
      for (const address of view.addresses) {
        if (!this.#tags.delete(tag, address)) continue;
        this.#each((firewall) => firewall.removeAddressMember((family) => tagSet(family, tag), address));
      }
    }
    const { local } = view;
    if (local !== undefined) this.#each((firewall) => firewall.removeLocal(view, local));
  }

  #moveSelected(before: KnownEndpoint | undefined, after: KnownEndpoint | undefined): void {
    const { added, removed, mayCut } = this.#selections.move(before, after);
    for (const [selection, address] of added) {
      this.#each((firewall) => firewall.addAddressMember((family) => selectionSet(family, selection), address));
    }
    for (const [selection, address] of removed) {
      this.#each((firewall) => firewall.removeAddressMember((family) => selectionSet(family, selection), address));
    }
    if (mayCut) this.#reconsiderFlows = true;
  }

  #moveLocal(before: EndpointView | undefined, after: EndpointView | undefined): void {
    if (before?.local === undefined && after?.local === undefined) return;
    if (after?.local !== undefined) this.#acquire(after.local);
    for (const family of FAMILIES) {
      const firewall = this.#firewalls[family];
      const [was, is] = [policyIn(before, family), policyIn(after, family)];
      if (was !== undefined && is !== undefined) firewall.putEndpoint(is);
      else if (is !== undefined) firewall.addEndpoint(is);
      else if (was !== undefined) firewall.removeEndpoint(was.interfaceName);
    }
    if (before?.local !== undefined) this.#release(before.local);
  }

  #acquire({ policy }: LocalView): void {
    for (const { name } of policy.profiles ?? []) if (this.#usedProfiles.acquire(name)) this.#recompile(name);
    const network = policy.internalNetwork;
    if (network !== undefined && this.#usedNetworks.acquire(network)) this.#createNetworkSet(network);
  }

  #release({ policy }: LocalView): void {
    for (const { name } of policy.profiles ?? []) if (this.#usedProfiles.release(name)) this.#recompile(name);
    const network = policy.internalNetwork;
    if (network !== undefined && this.#usedNetworks.release(network)) {
      this.#each((firewall) => firewall.removeNetworkSet(network));
    }
  }

  /** The chains of a profile are there while it exists and an endpoint of this node has it. */
  #recompile(name: ProfileName): void {
    const before = this.#compiled.get(name);
    const after = this.#usedProfiles.has(name) ? this.#index.profiles.get(name) : undefined;
    if (before === after) return;
    if (before !== undefined && after !== undefined && !onlyAudits(before, after)) this.#reconsiderFlows = true;
    if (after !== undefined) {
      for (const tag of tagsReferredTo(after)) if (this.#usedTags.acquire(tag)) this.#createTagSet(tag);
      for (const [key, selection] of selectionsReferredTo(after)) {
        if (this.#usedSelections.acquire(key)) this.#createSelectionSet(selection);
      }
      this.#each((firewall) => firewall.putProfile(after));
      this.#compiled.set(name, after);
    } else {
      this.#each((firewall) => firewall.removeProfile({ name }));
      this.#compiled.delete(name);
    }
    for (const tag of before === undefined ? [] : tagsReferredTo(before)) {
      if (!this.#usedTags.release(tag)) continue;
      this.#tags.clear(tag);
      this.#each((firewall) => firewall.removeAddressSet((family) => tagSet(family, tag)));
    }
    for (const [key, selection] of before === undefined ? [] : selectionsReferredTo(before)) {
      if (!this.#usedSelections.release(key)) continue;
      this.#selections.remove(selection);
      this.#each((firewall) => firewall.removeAddressSet((family) => selectionSet(family, selection)));
    }
  }

  #createTagSet(tag: TagName): void {
    for (const endpoint of this.#index.endpoints.values()) {
      if (!this.#index.hasTag(endpoint, tag)) continue;
      for (const address of endpoint.addresses) this.#tags.add(tag, address);
    }
    const addresses = [...this.#tags.addresses(tag)];
    this.#each((firewall) => firewall.createAddressSet((family) => tagSet(family, tag), addresses));
  }

  #createSelectionSet(selection: Selection): void {
    const addresses = [...this.#selections.add(selection, this.#index.endpoints.values())];
    this.#each((firewall) => firewall.createAddressSet((family) => selectionSet(family, selection), addresses));
  }

  #createNetworkSet(name: NetworkName): void {
    const subnets = cidrsOfNetwork(this.#index.networks.get(name));
    this.#each((firewall) => firewall.createNetworkSet(name, subnets));
  }

  #refreshNetworkSet(before: Network | undefined, after: Network | undefined): void {
    if (before === undefined || after === undefined || !this.#usedNetworks.has(after.name)) return;
    if (JSON.stringify(before.subnets) === JSON.stringify(after.subnets)) return;
    this.#createNetworkSet(after.name);
    this.#reconsiderFlows = true;
  }

  #moveInside(before: readonly Cidr[], after: readonly Cidr[]): void {
    for (const cidr of before) this.#each((firewall) => firewall.removeInside(cidr));
    for (const cidr of after) this.#each((firewall) => firewall.addInside(cidr));
  }

  #moveNode(before: Node | undefined, after: Node | undefined): void {
    for (const address of addressesOfNode(before)) this.#each((firewall) => firewall.removeNode(address));
    for (const address of addressesOfNode(after)) this.#each((firewall) => firewall.addNode(address));
  }

  #each<T>(act: (firewall: FamilyFirewall) => T): readonly T[] {
    return [act(this.#firewalls[4]), act(this.#firewalls[6])];
  }
}

/** What an endpoint contributed, and what it contributes now. */
interface ViewChange {
  readonly before: EndpointView | undefined;
  readonly after: EndpointView | undefined;
}

const isSameView = (before: EndpointView | undefined, after: EndpointView | undefined): boolean =>
  before === undefined || after === undefined ? before === after : JSON.stringify(before) === JSON.stringify(after);

const idOf = ({ before, after }: Extract<ClusterChange, { kind: 'endpoint' }>): EndpointId =>
  ((after ?? before) as Endpoint).id;
const cidrsOfPool = (pool: Pool | undefined): readonly Cidr[] => (pool === undefined ? [] : [pool.cidr]);
const cidrsOfNetwork = (network: Network | undefined): readonly Cidr[] =>
  network?.subnets.map(({ cidr }) => cidr) ?? [];
const addressesOfNode = (node: Node | undefined): readonly IpAddress[] =>
  [node?.ip, node?.ip6].filter((address) => address !== undefined);

/** The same rules, no less lenient. */
const onlyAudits = (before: Profile, after: Profile): boolean =>
  (before.mode === after.mode || after.mode === 'audit') &&
  JSON.stringify([before.inbound, before.outbound]) === JSON.stringify([after.inbound, after.outbound]);

/** Of a family in which it has no address nothing of an endpoint passes: its interface is unknown there. */
const policyIn = (view: EndpointView | undefined, family: IpFamily): EndpointPolicy | undefined =>
  view?.addresses.some((address) => familyOf(address) === family) ? view.local?.policy : undefined;

const symmetricDifference = <T>(a: readonly T[], b: readonly T[]): readonly T[] => [
  ...a.filter((value) => !b.includes(value)),
  ...b.filter((value) => !a.includes(value)),
];
