import { setTimeout as sleep } from 'node:timers/promises';
import { putText, removeText } from '../policy/restore-text.js';
import type { IpSetCommand } from '../src/effects/ip-sets.js';
import type { Kernel } from '../src/effects/kernel.js';
import { chainKey, type FirewallChanges, type FirewallState } from '../src/model/chain.js';
import { KernelError } from '../src/model/errors.js';
import type { IpFamily } from '../src/model/ip-address.js';
import { type ChainDiff, diffChains, hooksText, MISSING } from './chain-diff.js';
import { ChainLoader, type RefusedChain } from './refused-chains.js';
import { parseSavedTables } from './saved-tables.js';
import { diffSets } from './set-diff.js';

const DESTROY_ATTEMPTS = 20;
const DESTROY_RETRY_MS = 20;

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

  constructor(kernel: Kernel, families: readonly IpFamily[]) {
    this.#kernel = kernel;
    this.#families = families;
  }

  /** Chains that are not as desired because the kernel refuses a rule of theirs; each `synchronise` tries them again. */
  get refused(): readonly RefusedChain[] {
    return this.#refused;
  }

  /** Safe at every moment: sets and members first, then rules, then what nothing needs any more. */
  async change(changes: readonly FirewallChanges[]): Promise<void> {
    const mine = changes.filter(({ family }) => this.#families.includes(family));
    await this.#kernel.ipSets.apply(mine.flatMap(additions));
    await Promise.all(mine.map((change) => this.#load(change.family, putText(change) + removeText(change))));
    this.#refused = this.#refused.filter((refused) => !mine.some((change) => isTouched(refused, change)));
    await this.#kernel.ipSets.apply(mine.flatMap(memberRemovals));
    await this.#destroy(mine.flatMap(setRemovals));
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
    const chainDiffs = states.map((state, i) => diffChains(state, tables[i] ?? new Map()));
    const setDiff = diffSets(
      states.flatMap((state) => [...state.sets.values()]),
      sets,
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
    await this.#kernel.ipSets.apply(setDiff.after.filter(({ kind }) => kind === 'remove'));
    await this.#destroy(setDiff.after.filter(({ kind }) => kind === 'destroy'));
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

  /** The kernel lets go of a removed rule's sets some milliseconds after it said that the rule is gone (nf_tables). */
  async #destroy(commands: readonly IpSetCommand[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#kernel.ipSets.apply(commands);
      } catch (error) {
        const inUse = error instanceof KernelError && /in use by a kernel component/.test(error.detail);
        if (!inUse || attempt === DESTROY_ATTEMPTS) throw error;
        await sleep(DESTROY_RETRY_MS);
      }
    }
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

const isTouched = (refused: RefusedChain, { family, putChains, removeChains }: FirewallChanges): boolean =>
  refused.family === family &&
  [...putChains, ...removeChains].some(({ table, name }) => chainKey(table, name) === refused.chain);

const familyOfSet = (states: readonly FirewallState[], name: string): IpFamily =>
  states.find(({ sets }) => [...sets.keys()].some((key) => key === name))?.family ?? 4;
