import { chainTexts, TABLES, tableText } from '../policy/restore-text.js';
import { type Chain, chainKey } from '../src/model/chain.js';
import type { IpFamily } from '../src/model/ip-address.js';

/** What iptables-restore is given for one chain. */
export interface ChainEdit {
  /** `:NAME - [0:0]`, which makes it or empties it; undefined: it is there, and keeps its rules. */
  readonly declaration?: string;
  readonly lines: readonly string[];
}

/**
 * The shortest way from one form of a chain to the other. Where rules are only added, none is deleted: after a deletion
 * the nft backend makes the next new rule wait for an RCU grace period.
 *
 * @param before as the kernel has it; undefined: not at all, or nobody knows
 */
export function editChain(before: Chain | undefined, after: Chain, family: IpFamily): ChainEdit {
  const { name } = after;
  const texts = chainTexts(after, family);
  const former = before === undefined ? undefined : chainTexts(before, family);
  const added = former && surplusOf(texts, former);
  if (added !== undefined) return { lines: added.map((i) => `-I ${name} ${i + 1} ${texts[i]}`) };
  const removed = former && surplusOf(former, texts);
  if (former !== undefined && removed !== undefined) return { lines: removed.map((i) => `-D ${name} ${former[i]}`) };
  return { declaration: `:${name} - [0:0]`, lines: texts.map((text) => `-A ${name} ${text}`) };
}

/** Ascending indexes in `longer` of what it has besides `shorter`; undefined if it is not `shorter` with additions. */
function surplusOf(longer: readonly string[], shorter: readonly string[]): number[] | undefined {
  const surplus: number[] = [];
  let matched = 0;
  for (const [i, text] of longer.entries()) {
    if (text === shorter[matched]) matched++;
    else surplus.push(i);
  }
  return matched === shorter.length ? surplus : undefined;
}

/**
 * For iptables-restore; one transaction for each table. New chains come before the rules that lead to them.
 *
 * @param before what the kernel has, by chain key; a chain that is not in it is written whole
 */
export function editsText(chains: readonly Chain[], family: IpFamily, before: ReadonlyMap<string, Chain>): string {
  return TABLES.map((table) => {
    const edits = chains
      .filter((chain) => chain.table === table)
      .map((chain) => editChain(before.get(chainKey(table, chain.name)), chain, family));
    const [whole, partial] = [
      edits.filter(({ declaration }) => declaration !== undefined),
      edits.filter(({ declaration }) => declaration === undefined),
    ];
    const declarations = whole.flatMap(({ declaration }) => declaration ?? []);
    return tableText(table, [...declarations, ...[...whole, ...partial].flatMap(({ lines }) => lines)]);
  }).join('');
}
