import { putText, removeText } from '../policy/restore-text.js';
import type { IpSetCommand } from '../src/effects/ip-sets.js';
import type { Kernel } from '../src/effects/kernel.js';
import { type Chain, chainKey, type FirewallChanges, type FirewallState } from '../src/model/chain.js';
import { KernelError } from '../src/model/errors.js';
import type { IpFamily } from '../src/model/ip-address.js';
import { type ChainDiff, diffChains, hooksText, MISSING } from './chain-diff.js';
import { editsText } from './chain-edit.js';
import { ChainLoader, type RefusedChain } from './refused-chains.js';
import { RetiredSets } from './retired-sets.js';
import { parseSavedTables } from './saved-tables.js';
import { diffSets } from './set-diff.js';

/** Something that was not as desired: `chain` or `hook` by table and name, `set` by name. */
export interface Finding {
  readonly what: 'chain' | 'hook' | 'set';
  readonly family: IpFamily;
  readonly name: string;
  readonly detail: string;
}

/** Writes the packet filter: small changes as they come, or all of it after reading it back. */
export class FirewallProgrammer {
  readonly #kernel: Kernel;
  readonly #families: readonly IpFamily[];
  #refused: readonly RefusedChain[] = [];
  readonly #retired: RetiredSets;
  /** What the kernel holds by all we know, by chain key; a family of which nothing is known is absent. */
  readonly #chains = new Map<IpFamily, Map<string, Chain>>();

  constructor(kernel: Kernel, families: readonly IpFamily[]) {
    this.#kernel = kernel;
    this.#families = families;
    this.#retired = new RetiredSets(kernel.ipSets);
  }

  /** Chains that are not as desired because the kernel refuses a rule of theirs; each `synchronise` tries them again. */
  get refused(): readonly RefusedChain[] {
    return this.#refused;
  }

  /** Sets that nothing needs any more, and that are not destroyed yet. */
  get retiredSets(): number {
    return this.#retired.size;
  }

  /** Destroys those retired sets that the kernel lets go of. @throws KernelError if it refuses for another reason */
  sweepSets(): Promise<void> {
    return this.#retired.sweep();
  }

  /**
   * Safe at every moment: sets first, then rules, then what nothing needs any more. Sets only retire. Members that join
   * sets which rules know already arrive beside the rules, which are those of other endpoints.
   */
  async change(changes: readonly FirewallChanges[]): Promise<void> {
    const mine = changes.filter(({ family }) => this.#families.includes(family));
    const added = this.#kernel.ipSets.apply(mine.flatMap((change) => this.#additions(change)));
    if (mine.some(({ createSets }) => createSets.length > 0)) await added;
    // All are awaited, whichever fails: nothing of this change may be under way when another begins.
    const outcomes = await Promise.allSettled([added, ...mine.map((change) => this.#loadChange(change))]);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    this.#refused = this.#refused.filter((refused) => !mine.some((change) => isTouched(refused, change)));
    await this.#kernel.ipSets.apply(mine.flatMap(memberRemovals));
    for (const { destroySets } of mine) this.#retired.retire(destroySets);
  }

  /**
   * Reads all that is ours back, and writes what differs from `desired`. What was found, in no order; empty: nothing
   * was written.
   */
  async synchronise(desired: (family: IpFamily) => FirewallState): Promise<readonly Finding[]> {
    const [sets, ...saved] = await Promise.all([
      this.#kernel.ipSets.ours(),
      ...this.#families.map((family) => this.#kernel.packetFilters[family].save()),
    ]);
    const tables = saved.map(parseSavedTables);
    // From here to the diffs nothing awaits: both families and the sets are compared with one and the same moment.
    const states = this.#families.map(desired);
    this.#chains.clear();
    const chainDiffs = states.map((state, i) => diffChains(state, tables[i] ?? new Map()));
    const desiredSets = states.flatMap((state) => [...state.sets.values()]);
    for (const { name } of desiredSets) this.#retired.takeBack(name);
    const setDiff = diffSets(
      desiredSets,
      sets.filter(({ name }) => !this.#retired.has(name)),
    );
    await this.#kernel.ipSets.apply(setDiff.before);
    const refused = await Promise.all(
      states.map(async ({ family }, i) => {
        const diff = chainDiffs[i];
        return diff === undefined ? [] : this.#loadDiff(family, diff);
      }),
    );
    const known = this.#refused;
    this.#refused = refused.flat();
    for (const { family, chains } of states) {
      const refusedHere = new Set(this.#refused.filter((one) => one.family === family).map(({ chain }) => chain));
      this.#chains.set(family, new Map([...chains].filter(([key]) => !refusedHere.has(key))));
    }
    await this.#kernel.ipSets.apply(setDiff.after);
    this.#retired.retire(setDiff.surplus);
    await this.#retired.sweep();
    return [
      ...states.flatMap(({ family }, i) =>
        [...(chainDiffs[i]?.findings ?? [])]
          // Not as it should be, as we know and left it.
          .filter(([name]) => !known.some((chain) => chain.family === family && chain.chain === name))
          .map(([name, detail]): Finding => ({ what: name.includes('/') ? 'chain' : 'hook', family, name, detail })),
      ),
      ...[...setDiff.findings].map(
        ([name, detail]): Finding => ({ what: 'set', family: familyOfSet(states, name), name, detail }),
      ),
    ];
  }

  #additions({ createSets, addMembers }: FirewallChanges): readonly IpSetCommand[] {
    return [
      ...createSets.flatMap((set): readonly IpSetCommand[] => [
        { kind: 'create', set },
        ...(this.#retired.takeBack(set.name) ? [{ kind: 'empty', name: set.name } as const] : []),
        ...[...set.members].map((member): IpSetCommand => ({ kind: 'add', name: set.name, member })),
      ]),
      ...[...addMembers].flatMap(([name, members]) =>
        members.map((member): IpSetCommand => ({ kind: 'add', name, member })),
      ),
    ];
  }

  async #loadChange(change: FirewallChanges): Promise<void> {
    const { family, putChains, removeChains } = change;
    const chains = this.#chains.get(family) ?? new Map<string, Chain>();
    this.#chains.delete(family);
    await this.#load(family, editsText(putChains, family, chains) + removeText(change));
    for (const { table, name } of removeChains) chains.delete(chainKey(table, name));
    for (const chain of putChains) chains.set(chainKey(chain.table, chain.name), chain);
    this.#chains.set(family, chains);
  }

  async #loadDiff(family: IpFamily, diff: ChainDiff): Promise<readonly RefusedChain[]> {
    try {
      await this.#load(family, textOf(family, diff));
      return [];
    } catch (error) {
      if (!(error instanceof KernelError) || diff.put.length === 0) throw error;
      const before = this.#refused.filter((chain) => chain.family === family);
      const loader = new ChainLoader(family, (text) => this.#load(family, text), before);
      const missing = diff.put.filter(({ table, name }) => diff.findings.get(chainKey(table, name)) === MISSING);
      const refused = await loader.load(diff.put, new Set(missing));
      await this.#load(family, textOf(family, { ...diff, put: [] }));
      return refused;
    }
  }

  async #load(family: IpFamily, text: string): Promise<void> {
    if (text !== '') await this.#kernel.packetFilters[family].load(text);
  }
}

/** Chains before the rules that lead to them, and those that go after the rules that led to them. */
function textOf(family: IpFamily, { put, hooks, remove }: ChainDiff): string {
  const changes: FirewallChanges = {
    family,
    createSets: [],
    addMembers: new Map(),
    putChains: put,
    removeChains: remove,
    removeMembers: new Map(),
    destroySets: [],
  };
  return putText(changes) + hooksText(hooks) + removeText(changes);
}

const memberRemovals = ({ removeMembers }: FirewallChanges): readonly IpSetCommand[] =>
  [...removeMembers].flatMap(([name, members]) =>
    members.map((member): IpSetCommand => ({ kind: 'remove', name, member })),
  );

const isTouched = (refused: RefusedChain, { family, putChains, removeChains }: FirewallChanges): boolean =>
  refused.family === family &&
  [...putChains, ...removeChains].some(({ table, name }) => chainKey(table, name) === refused.chain);

const familyOfSet = (states: readonly FirewallState[], name: string): IpFamily =>
  states.find(({ sets }) => [...sets.keys()].some((key) => key === name))?.family ?? 4;
