import { type Chain, chainKey, type FirewallChanges, type FirewallState } from '../../src/model/chain.js';
import type { IpSet, IpSetMember, IpSetName } from '../../src/model/ip-set.js';

/**
 * A kernel as far as changes go: holds chains and sets, and refuses what the kernel would refuse in the order that
 * FirewallChanges promises.
 */
export class FirewallReplay {
  readonly #chains = new Map<string, Chain>();
  readonly #sets = new Map<IpSetName, IpSet & { readonly members: Set<IpSetMember> }>();

  apply(changes: FirewallChanges): void {
    for (const set of changes.createSets) {
      if (this.#sets.has(set.name)) throw new Error(`set ${set.name} exists`);
      this.#sets.set(set.name, { ...set, members: new Set(set.members) });
    }
    this.#members(changes.addMembers, (members, member) => !members.has(member) && members.add(member));
    for (const chain of changes.putChains) this.#chains.set(chainKey(chain.table, chain.name), chain);
    this.#checkReferences();
    for (const { table, name } of changes.removeChains) {
      if (!this.#chains.delete(chainKey(table, name))) throw new Error(`chain ${name} does not exist`);
    }
    this.#checkReferences();
    this.#members(changes.removeMembers, (members, member) => members.delete(member));
    for (const name of changes.destroySets) {
      if (!this.#sets.delete(name)) throw new Error(`set ${name} does not exist`);
    }
    this.#checkReferences();
  }

  /** What is there, in an order of its own. */
  content(): unknown {
    return contentOf({ chains: this.#chains, sets: this.#sets });
  }

  #members(
    lists: FirewallChanges['addMembers'],
    edit: (members: Set<IpSetMember>, member: IpSetMember) => unknown,
  ): void {
    for (const [name, list] of lists) {
      for (const member of list) {
        const set = this.#sets.get(name);
        if (set === undefined || edit(set.members, member as IpSetMember) === false) {
          throw new Error(`${name} cannot change by ${member}`);
        }
      }
    }
  }

  #checkReferences(): void {
    for (const { table, name, rules } of this.#chains.values()) {
      for (const { matches, target } of rules) {
        const chain = 'chain' in target ? target.chain : undefined;
        if (chain !== undefined && !this.#chains.has(chainKey(table, chain)))
          throw new Error(`${name}: no chain ${chain}`);
        for (const match of matches) {
          if ('set' in match && !this.#sets.has(match.set)) throw new Error(`${name}: no set ${match.set}`);
        }
      }
    }
  }
}

export const contentOf = ({ chains, sets }: Pick<FirewallState, 'chains' | 'sets'>): unknown => ({
  chains: Object.fromEntries([...chains].sort(([a], [b]) => (a < b ? -1 : 1))),
  sets: [...sets.values()]
    .map((set) => ({ ...set, members: [...set.members].sort() }))
    .sort((a, b) => (a.name < b.name ? -1 : 1)),
});
