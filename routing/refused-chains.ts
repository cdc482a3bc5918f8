import { putText } from '../policy/restore-text.js';
import { ruleText } from '../policy/rule-text.js';
import type { RefusedRule } from '../src/effects/dataplane-status.js';
import { type Chain, type ChainName, chainKey, type FilterRule, type Table } from '../src/model/chain.js';
import { describeError, KernelError } from '../src/model/errors.js';
import type { IpFamily } from '../src/model/ip-address.js';

/** A chain with a rule that the kernel refuses: what comes before that rule is in force, and all else is dropped. */
export interface RefusedChain extends RefusedRule {
  readonly table: Table;
  readonly name: ChainName;
  /** The chain as it should be, in words of iptables-restore. */
  readonly text: string;
  /** How many of its rules are in force. */
  readonly inForce: number;
}

const CLOSED: FilterRule = { matches: [], target: { kind: 'drop' }, comment: 'the kernel refuses the next rule' };

/** Writes chains of one family so that one which the kernel refuses holds up no other. */
export class ChainLoader {
  readonly #family: IpFamily;
  readonly #load: (text: string) => Promise<void>;
  readonly #before: readonly RefusedChain[];

  /** @param before what was refused the last time: its rule is not searched for again */
  constructor(family: IpFamily, load: (text: string) => Promise<void>, before: readonly RefusedChain[]) {
    this.#family = family;
    this.#load = load;
    this.#before = before;
  }

  /**
   * Every chain is there afterwards, whole or closed. Chains in force stay so until their turn.
   *
   * @param missing those of the chains that the kernel does not have: others may jump to them
   * @throws KernelError if the kernel takes not even chains that drop everything: no rule is at fault then
   */
  async load(chains: readonly Chain[], missing: ReadonlySet<Chain>): Promise<readonly RefusedChain[]> {
    await this.#put(chains.filter((chain) => missing.has(chain)).map((chain) => closedAfter(chain, 0)));
    return this.#isolate(chains);
  }

  async #isolate(chains: readonly Chain[]): Promise<readonly RefusedChain[]> {
    try {
      await this.#put(chains);
      return [];
    } catch (error) {
      const [chain, another] = chains;
      if (chain === undefined) throw error;
      if (another === undefined) return [await this.#close(chain, error)];
    }
    const middle = Math.ceil(chains.length / 2);
    return [...(await this.#isolate(chains.slice(0, middle))), ...(await this.#isolate(chains.slice(middle)))];
  }

  async #close(chain: Chain, error: unknown): Promise<RefusedChain> {
    const { table, name } = chain;
    const text = this.#text([chain]);
    const known = this.#before.find((refused) => refused.text === text);
    const inForce = known?.inForce ?? (await this.#countAccepted(chain));
    await this.#put([closedAfter(chain, inForce)]);
    const rule = chain.rules[inForce];
    return {
      family: this.#family,
      table,
      name,
      chain: chainKey(table, name),
      rule: rule === undefined ? '' : ruleText(rule, this.#family),
      comment: rule?.comment,
      reason: reasonOf(error),
      text,
      inForce,
    };
  }

  /** The kernel takes so many of the chain's first rules, and not one more. */
  async #countAccepted(chain: Chain): Promise<number> {
    let accepted = 0;
    let refused = chain.rules.length;
    while (refused - accepted > 1) {
      const count = Math.floor((accepted + refused) / 2);
      const taken = await this.#put([closedAfter(chain, count)]).then(
        () => true,
        () => false,
      );
      if (taken) accepted = count;
      else refused = count;
    }
    return accepted;
  }

  async #put(chains: readonly Chain[]): Promise<void> {
    if (chains.length > 0) await this.#load(this.#text(chains));
  }

  #text(putChains: readonly Chain[]): string {
    const none = { createSets: [], addMembers: new Map(), removeChains: [], removeMembers: new Map(), destroySets: [] };
    return putText({ family: this.#family, putChains, ...none });
  }
}

/** Table nat refuses DROP: there, what is not translated goes on as it is. */
const closedAfter = (chain: Chain, count: number): Chain => ({
  ...chain,
  rules: [...chain.rules.slice(0, count), ...(chain.table === 'nat' ? [] : [CLOSED])],
});

const reasonOf = (error: unknown): string =>
  (error instanceof KernelError && error.detail.trim() !== '' ? error.detail : describeError(error))
    .replace(/\s*\n\s*/g, ' ')
    .trim();
