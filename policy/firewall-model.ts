import { type Chain, chainKey, type FirewallChanges, type FirewallState, type HookRule } from '../src/model/chain.js';
import type { IpFamily } from '../src/model/ip-address.js';
import type { IpSet, IpSetMember, IpSetName, IpSetType } from '../src/model/ip-set.js';

interface CountedSet {
  readonly type: IpSetType;
  /** How many reasons a member has to be there. */
  readonly members: Map<IpSetMember, number>;
}

/**
 * One family's desired state, edited piece by piece, which remembers how it differs from what was last taken. Each
 * edit costs what it touches.
 */
export class FirewallModel {
  readonly #family: IpFamily;
  readonly #hooks: readonly HookRule[];
  readonly #chains = new Map<string, Chain>();
  readonly #sets = new Map<IpSetName, CountedSet>();
  /** What touched chains and sets were when changes were last taken. */
  readonly #chainsBefore = new Map<string, Chain | undefined>();
  readonly #setsBefore = new Map<IpSetName, CountedSet | undefined>();
  readonly #membersBefore = new Map<IpSetName, Map<IpSetMember, boolean>>();

  constructor(family: IpFamily, hooks: readonly HookRule[]) {
    this.#family = family;
    this.#hooks = hooks;
  }

  /** False: the chain was so already. */
  putChain(chain: Chain): boolean {
    const key = chainKey(chain.table, chain.name);
    const before = this.#chains.get(key);
    if (isSame(chain, before)) return false;
    this.#touchChain(key);
    this.#chains.set(key, chain);
    return true;
  }

  removeChain(chain: Pick<Chain, 'table' | 'name'>): void {
    const key = chainKey(chain.table, chain.name);
    this.#touchChain(key);
    this.#chains.delete(key);
  }

  createSet(name: IpSetName, type: IpSetType, members: Iterable<IpSetMember> = []): void {
    this.#touchSet(name);
    this.#sets.set(name, { type, members: new Map() });
    for (const member of members) this.addMember(name, member);
  }

  removeSet(name: IpSetName): void {
    this.#touchSet(name);
    this.#sets.delete(name);
  }

  hasSet(name: IpSetName): boolean {
    return this.#sets.has(name);
  }

  /** One more reason for the member to be there; nothing happens if the set does not exist. */
  addMember(name: IpSetName, member: IpSetMember): void {
    this.#count(name, member, 1);
  }

  /** One reason less; without the last, the member goes. */
  removeMember(name: IpSetName, member: IpSetMember): void {
    this.#count(name, member, -1);
  }

  #count(name: IpSetName, member: IpSetMember, step: 1 | -1): void {
    const members = this.#sets.get(name)?.members;
    if (members === undefined) return;
    const count = members.get(member) ?? 0;
    if (!this.#setsBefore.has(name)) {
      const touched = this.#membersBefore.get(name) ?? new Map<IpSetMember, boolean>();
      if (!touched.has(member)) touched.set(member, count > 0);
      this.#membersBefore.set(name, touched);
    }
    if (count + step > 0) members.set(member, count + step);
    else members.delete(member);
  }

  #touchChain(key: string): void {
    if (!this.#chainsBefore.has(key)) this.#chainsBefore.set(key, this.#chains.get(key));
  }

  /** A set that appears or goes is compared whole: its members as they were are copied once. */
  #touchSet(name: IpSetName): void {
    if (this.#setsBefore.has(name)) return;
    const set = this.#sets.get(name);
    const members = set && new Map(set.members);
    for (const [member, was] of this.#membersBefore.get(name) ?? []) {
      if (was) members?.set(member, 1);
      else members?.delete(member);
    }
    this.#membersBefore.delete(name);
    this.#setsBefore.set(name, set && { type: set.type, members: members ?? new Map() });
  }

  /** A copy: later edits do not show in it. */
  state(): FirewallState {
    return {
      family: this.#family,
      hooks: this.#hooks,
      chains: new Map(this.#chains),
      sets: new Map(Array.from(this.#sets, ([name, set]) => [name, this.#setOf(name, set)])),
    };
  }

  /** How the state differs from what it was when this was last called; undefined: not at all. */
  takeChanges(): FirewallChanges | undefined {
    const changes = {
      family: this.#family,
      createSets: [] as IpSet[],
      addMembers: new Map<IpSetName, IpSetMember[]>(),
      putChains: [] as Chain[],
      removeChains: [] as Pick<Chain, 'table' | 'name'>[],
      removeMembers: new Map<IpSetName, IpSetMember[]>(),
      destroySets: [] as IpSetName[],
    };
    for (const [key, before] of this.#chainsBefore) {
      const after = this.#chains.get(key);
      if (after === undefined && before !== undefined)
        changes.removeChains.push({ table: before.table, name: before.name });
      if (after !== undefined && after !== before && !isSame(after, before)) changes.putChains.push(after);
    }
    for (const [name, before] of this.#setsBefore) {
      const after = this.#sets.get(name);
      if (after !== undefined && before === undefined) changes.createSets.push(this.#setOf(name, after));
      if (after === undefined && before !== undefined) changes.destroySets.push(name);
      if (after === undefined || before === undefined) continue;
      addAll(
        changes.addMembers,
        name,
        [...after.members.keys()].filter((member) => !before.members.has(member)),
      );
      addAll(
        changes.removeMembers,
        name,
        [...before.members.keys()].filter((member) => !after.members.has(member)),
      );
    }
    for (const [name, touched] of this.#membersBefore) {
      const members = this.#sets.get(name)?.members;
      const isMember = (member: IpSetMember): boolean => members?.has(member) ?? false;
      const moved = [...touched].filter(([member, was]) => was !== isMember(member));
      addAll(
        changes.addMembers,
        name,
        moved.filter(([, was]) => !was).map(([member]) => member),
      );
      addAll(
        changes.removeMembers,
        name,
        moved.filter(([, was]) => was).map(([member]) => member),
      );
    }
    this.#chainsBefore.clear();
    this.#setsBefore.clear();
    this.#membersBefore.clear();
    return isEmpty(changes) ? undefined : changes;
  }

  #setOf(name: IpSetName, { type, members }: CountedSet): IpSet {
    return { name, type, family: this.#family, members: new Set(members.keys()) };
  }
}

const isSame = ({ rules }: Chain, other: Chain | undefined): boolean =>
  rules.length === other?.rules.length && JSON.stringify(rules) === JSON.stringify(other.rules);

function addAll(lists: Map<IpSetName, IpSetMember[]>, name: IpSetName, members: IpSetMember[]): void {
  if (members.length > 0) lists.set(name, members);
}

const isEmpty = (changes: FirewallChanges): boolean =>
  [changes.createSets, changes.putChains, changes.removeChains, changes.destroySets].every(
    ({ length }) => length === 0,
  ) &&
  changes.addMembers.size === 0 &&
  changes.removeMembers.size === 0;
