import type { IpSetCommand } from '../src/effects/ip-sets.js';
import type { Kernel } from '../src/effects/kernel.js';
import { chainKey, type FirewallChanges, type FirewallState } from '../src/model/chain.js';
import type { IpFamily } from '../src/model/ip-address.js';
import { type ChainDiff, diffChains, type Readback, readText, writtenText } from './chain-diff.js';
import { byTable, putText, type RuleText, removeText } from './restore-transaction.js';
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
  readonly #ruleText: RuleText;
  readonly #families: readonly IpFamily[];
  readonly #readback = new Map<string, { readonly written: string; readonly read: string }>();

  constructor(kernel: Kernel, ruleText: RuleText, families: readonly IpFamily[]) {
    this.#kernel = kernel;
    this.#ruleText = ruleText;
    this.#families = families;
  }

  /** Safe at every moment: sets and members first, then rules, then what nothing needs any more. */
  async change(changes: readonly FirewallChanges[]): Promise<void> {
    const mine = changes.filter(({ family }) => this.#families.includes(family));
    await this.#kernel.ipSets.apply(mine.flatMap(additions));
    await Promise.all(
      mine.map(({ family, putChains, removeChains }) =>
        this.#load(family, putText(byTable(putChains), this.#ruleText) + removeText(removeChains)),
      ),
    );
    await this.#kernel.ipSets.apply(mine.flatMap(memberRemovals));
    await this.#kernel.ipSets.apply(mine.flatMap(setRemovals));
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
    const chainDiffs = states.map((state, i) =>
      diffChains(state, tables[i] ?? new Map(), this.#ruleText, this.#readbackOf(state.family)),
    );
    const setDiff = diffSets(
      states.flatMap((state) => [...state.sets.values()]),
      sets,
    );
    await this.#kernel.ipSets.apply(setDiff.before);
    await Promise.all(
      states.map(async (state, i) => {
        const diff = chainDiffs[i];
        if (diff !== undefined) await this.#loadDiff(state, diff);
      }),
    );
    await this.#kernel.ipSets.apply(setDiff.after.filter(({ kind }) => kind === 'remove'));
    await this.#kernel.ipSets.apply(setDiff.after.filter(({ kind }) => kind === 'destroy'));
    return [
      ...states.flatMap(({ family }, i) =>
        [...(chainDiffs[i]?.findings ?? [])].map(
          ([name, detail]): Finding => ({ what: name.includes('/') ? 'chain' : 'hook', family, name, detail }),
        ),
      ),
      ...[...setDiff.findings].map(
        ([name, detail]): Finding => ({ what: 'set', family: familyOfSet(states, name), name, detail }),
      ),
    ];
  }

  async #loadDiff(state: FirewallState, diff: ChainDiff): Promise<void> {
    const text = putText(diff.change, this.#ruleText);
    await this.#load(state.family, text);
    await this.#load(state.family, removeText(diff.remove));
    if (text !== '') await this.#learn(state);
  }

  /** Chains that the kernel words otherwise than we do would look changed for ever; what it says now is what we wrote. */
  async #learn(state: FirewallState): Promise<void> {
    const tables = parseSavedTables(await this.#kernel.packetFilters[state.family].save());
    const readback = this.#readbackOf(state.family);
    for (const { put } of diffChains(state, tables, this.#ruleText, readback).change) {
      for (const chain of put) {
        const read = tables.get(chain.table)?.chains.get(chain.name);
        if (read === undefined) continue;
        this.#readback.set(`${state.family} ${chainKey(chain.table, chain.name)}`, {
          written: writtenText(chain, this.#ruleText),
          read: readText(read),
        });
      }
    }
  }

  #readbackOf(family: IpFamily): Readback {
    const prefix = `${family} `;
    return new Map(
      [...this.#readback].filter(([key]) => key.startsWith(prefix)).map(([key, text]) => [key.slice(2), text]),
    );
  }

  async #load(family: IpFamily, text: string): Promise<void> {
    if (text !== '') await this.#kernel.packetFilters[family].load(text);
  }
}

function additions({ createSets, addMembers }: FirewallChanges): readonly IpSetCommand[] {
  return [
    ...createSets.flatMap((set): readonly IpSetCommand[] => [
      { kind: 'create', set },
      ...[...set.members].map((member): IpSetCommand => ({ kind: 'add', name: set.name, member })),
    ]),
    ...[...addMembers].flatMap(([name, members]) =>
      members.map((member): IpSetCommand => ({ kind: 'add', name, member })),
    ),
  ];
}

const memberRemovals = ({ removeMembers }: FirewallChanges): readonly IpSetCommand[] =>
  [...removeMembers].flatMap(([name, members]) =>
    members.map((member): IpSetCommand => ({ kind: 'remove', name, member })),
  );

const setRemovals = ({ destroySets }: FirewallChanges): readonly IpSetCommand[] =>
  destroySets.map((name): IpSetCommand => ({ kind: 'destroy', name }));

const familyOfSet = (states: readonly FirewallState[], name: string): IpFamily =>
  states.find(({ sets }) => [...sets.keys()].some((key) => key === name))?.family ?? 4;
