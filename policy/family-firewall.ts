import type { FirewallChanges, FirewallState } from '../src/model/chain.js';
import { type Cidr, prefixLengthOf, subnetsOf } from '../src/model/cidr.js';
import type { PublishedPort } from '../src/model/endpoint.js';
import type { InterfaceName, NetworkName } from '../src/model/ids.js';
import { familyOf, type IpAddress, type IpFamily } from '../src/model/ip-address.js';
import {
  addressMember,
  addressOnInterfaceMember,
  flowMember,
  type IpSetMember,
  type IpSetName,
  networkMember,
} from '../src/model/ip-set.js';
import type { Profile } from '../src/model/profile.js';
import type { TunnelKind } from '../src/model/tunnel.js';
import { tunnelChain } from './built-in-protections.js';
import { chain, fromEndpointChain, inboundChain, outboundChain, toEndpointChain } from './chain-names.js';
import { compileEndpoint, type EndpointPolicy } from './compile-endpoint.js';
import { compileProfile } from './compile-profile.js';
import { type DispatchChanges, DispatchTree } from './dispatch.js';
import type { EndpointView, LocalView } from './endpoint-view.js';
import { FirewallModel } from './firewall-model.js';
import { hookRules } from './hook-rules.js';
import { hairpinSet, insideSet, masqueradeSet, networkSet, nodeSet, ownAddressSet } from './ip-set-names.js';
import { isOfFamily, type Publication } from './nat.js';
import { PublicationTable } from './publication-table.js';
import type { PolicySettings } from './settings.js';
import { staticChains } from './static-chains.js';

type NameOfSet = (family: IpFamily) => IpSetName;

/** The firewall of one family: what each endpoint, profile and network puts into chains and sets, and takes out. */
export class FamilyFirewall {
  readonly #family: IpFamily;
  readonly #acceptMark: number;
  readonly #model: FirewallModel;
  readonly #publications: PublicationTable;
  readonly #from = new DispatchTree({ root: chain('fromDispatch'), side: 'in', chainOf: fromEndpointChain });
  readonly #to = new DispatchTree({ root: chain('toDispatch'), side: 'out', chainOf: toEndpointChain });

  constructor(family: IpFamily, settings: PolicySettings) {
    this.#family = family;
    this.#acceptMark = settings.acceptMark;
    this.#model = new FirewallModel(family, hookRules(family, settings));
    this.#publications = new PublicationTable(family, this.#model);
    for (const fixed of [...staticChains(family, settings), ...this.#from.chains(), ...this.#to.chains()]) {
      this.#model.putChain(fixed);
    }
    this.#model.createSet(ownAddressSet(family), 'hash:net,iface');
    this.#model.createSet(insideSet(family), 'hash:net');
    for (const set of [masqueradeSet(family), nodeSet(family)]) this.#model.createSet(set, 'hash:ip');
    this.#model.createSet(hairpinSet(family), 'hash:ip,port,ip');
  }

  state(): FirewallState {
    return this.#model.state();
  }

  takeChanges(): FirewallChanges | undefined {
    return this.#model.takeChanges();
  }

  /** What pools are encapsulated in. */
  setTunnels(kinds: ReadonlySet<TunnelKind>): void {
    this.#model.putChain(tunnelChain(this.#family, kinds));
  }

  putProfile(profile: Profile): void {
    for (const compiled of compileProfile(profile, this.#family, this.#acceptMark)) this.#model.putChain(compiled);
  }

  removeProfile({ name }: Pick<Profile, 'name'>): void {
    this.#model.removeChain({ table: 'mangle', name: inboundChain(name) });
    this.#model.removeChain({ table: 'mangle', name: outboundChain(name) });
  }

  addEndpoint(policy: EndpointPolicy): void {
    this.putEndpoint(policy);
    this.#applyDispatch(this.#from.add(policy.interfaceName));
    this.#applyDispatch(this.#to.add(policy.interfaceName));
  }

  putEndpoint(policy: EndpointPolicy): void {
    for (const compiled of compileEndpoint(policy, this.#family, this.#acceptMark)) this.#model.putChain(compiled);
  }

  removeEndpoint(name: InterfaceName): void {
    this.#applyDispatch(this.#from.delete(name));
    this.#applyDispatch(this.#to.delete(name));
    this.#model.removeChain({ table: 'mangle', name: fromEndpointChain(name) });
    this.#model.removeChain({ table: 'mangle', name: toEndpointChain(name) });
  }

  #applyDispatch({ put, remove }: DispatchChanges): void {
    for (const changed of put) this.#model.putChain(changed);
    for (const name of remove) this.#model.removeChain({ table: 'mangle', name });
  }

  /** What an endpoint of this node puts into sets and translations. */
  addLocal(view: EndpointView, local: LocalView): void {
    for (const [set, member] of this.#localMembers(view, local)) this.#model.addMember(set, member);
    for (const publication of this.#publicationsOf(view, local)) this.#publications.add(publication);
  }

  removeLocal(view: EndpointView, local: LocalView): void {
    for (const [set, member] of this.#localMembers(view, local)) this.#model.removeMember(set, member);
    for (const publication of this.#publicationsOf(view, local)) this.#publications.delete(publication);
  }

  /** A member as often as there are reasons for it. */
  *#localMembers(view: EndpointView, local: LocalView): Generator<readonly [IpSetName, IpSetMember]> {
    const { interfaceName } = local.policy;
    for (const address of this.#ours(view.addresses)) {
      yield [ownAddressSet(this.#family), addressOnInterfaceMember(address, interfaceName)];
    }
    for (const address of this.#ours(local.masqueraded)) yield [masqueradeSet(this.#family), addressMember(address)];
    for (const { address, port } of this.#publicationsOf(view, local)) {
      yield [hairpinSet(this.#family), hairpinMember(address, port)];
    }
  }

  *#publicationsOf(view: EndpointView, { published }: LocalView): Generator<Publication> {
    const ports = published.filter((port) => isOfFamily(port, this.#family));
    for (const address of this.#ours(view.addresses)) {
      for (const port of ports) yield { endpoint: view.id, port, address };
    }
  }

  /** A set of endpoints' addresses, by what it is called in a family. */
  createAddressSet(nameOf: NameOfSet, addresses: Iterable<IpAddress>): void {
    const members = this.#ours(addresses).map(addressMember);
    this.#model.createSet(nameOf(this.#family), 'hash:ip', members);
  }

  removeAddressSet(nameOf: NameOfSet): void {
    this.#model.removeSet(nameOf(this.#family));
  }

  addAddressMember(nameOf: NameOfSet, address: IpAddress): void {
    if (familyOf(address) === this.#family) this.#model.addMember(nameOf(this.#family), addressMember(address));
  }

  removeAddressMember(nameOf: NameOfSet, address: IpAddress): void {
    if (familyOf(address) === this.#family) this.#model.removeMember(nameOf(this.#family), addressMember(address));
  }

  createNetworkSet(network: NetworkName, subnets: readonly Cidr[]): void {
    const members = subnets.flatMap((cidr) => this.#networkMembers(cidr));
    this.#model.createSet(networkSet(this.#family, network), 'hash:net', members);
  }

  removeNetworkSet(network: NetworkName): void {
    this.#model.removeSet(networkSet(this.#family, network));
  }

  addInside(cidr: Cidr): void {
    for (const member of this.#networkMembers(cidr)) this.#model.addMember(insideSet(this.#family), member);
  }

  removeInside(cidr: Cidr): void {
    for (const member of this.#networkMembers(cidr)) this.#model.removeMember(insideSet(this.#family), member);
  }

  addNode(address: IpAddress): void {
    if (familyOf(address) === this.#family) this.#model.addMember(nodeSet(this.#family), addressMember(address));
  }

  removeNode(address: IpAddress): void {
    if (familyOf(address) === this.#family) this.#model.removeMember(nodeSet(this.#family), addressMember(address));
  }

  #ours(addresses: Iterable<IpAddress>): readonly IpAddress[] {
    return [...addresses].filter((address) => familyOf(address) === this.#family);
  }

  /** `hash:net` has no room for 0.0.0.0/0: its halves stand for it. */
  #networkMembers(cidr: Cidr): readonly IpSetMember[] {
    if (familyOf(cidr) !== this.#family) return [];
    return (prefixLengthOf(cidr) === 0 ? [...subnetsOf(cidr, 1)] : [cidr]).map(networkMember);
  }
}

const hairpinMember = (address: IpAddress, { protocol, containerPort }: PublishedPort): IpSetMember =>
  flowMember(address, protocol, containerPort, address);
