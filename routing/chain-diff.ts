import { type Chain, chainKey, type FirewallState, type Hook, type HookRule, type Table } from '../src/model/chain.js';
import { isOurChain, isOurHookRule } from './ownership.js';
import type { RuleText, TableChange } from './restore-transaction.js';
import { normalRuleText } from './rule-text.js';
import type { SavedRule, SavedTable } from './saved-tables.js';

/** How the kernel's tables differ from the desired ones. */
export interface ChainDiff {
  readonly change: readonly TableChange[];
  readonly remove: readonly Pick<Chain, 'table' | 'name'>[];
  /** One sentence for each difference, by chain key (`mangle/cord-fwd`) or hook key (`mangle FORWARD`). */
  readonly findings: ReadonlyMap<string, string>;
}

/**
 * What the kernel gave back for chains that it words otherwise than we do, learned by reading right after writing:
 * chain key -> the text we wrote and the text it became.
 */
export type Readback = ReadonlyMap<string, { readonly written: string; readonly read: string }>;

const TABLES: readonly Table[] = ['raw', 'mangle', 'nat', 'filter'];
const HOOKS: readonly Hook[] = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'];

export function diffChains(
  desired: FirewallState,
  saved: ReadonlyMap<Table, SavedTable>,
  ruleText: RuleText,
  readback: Readback,
): ChainDiff {
  const findings = new Map<string, string>();
  const remove: Pick<Chain, 'table' | 'name'>[] = [];
  const change = TABLES.map((table): TableChange => {
    const chains = saved.get(table)?.chains ?? new Map<string, readonly SavedRule[]>();
    const put = [...desired.chains.values()].filter((chain) => {
      if (chain.table !== table) return false;
      const actual = chains.get(chain.name);
      const key = chainKey(table, chain.name);
      if (actual !== undefined && sameRules(key, chain, actual, ruleText, readback)) return false;
      findings.set(key, actual === undefined ? 'was missing' : 'differed');
      return true;
    });
    for (const name of chains.keys()) {
      const key = `${table}/${name}`;
      if (!isOurChain(name) || desired.chains.has(key)) continue;
      findings.set(key, 'should not be');
      remove.push({ table, name: name as Chain['name'] });
    }
    const hooks = HOOKS.flatMap((hook) => {
      const wanted = desired.hooks.filter((rule) => rule.table === table && rule.hook === hook);
      const actual = chains.get(hook) ?? [];
      if (hookInPlace(wanted, actual, ruleText)) return [];
      findings.set(`${table} ${hook}`, 'our rules were missing, changed or not in their place');
      return [{ hook, remove: actual.filter(isOurHookRule).map(({ text }) => text), add: wanted }];
    });
    return { table, put, hooks };
  }).filter(({ put, hooks }) => put.length > 0 || hooks.length > 0);
  return { change, remove, findings };
}

/** The chain as written and as read back, for `Readback`. */
export const writtenText = (chain: Chain, ruleText: RuleText): string => chain.rules.map(ruleText).join('\n');
export const readText = (rules: readonly SavedRule[]): string => rules.map(({ text }) => text).join('\n');

function sameRules(
  key: string,
  chain: Chain,
  actual: readonly SavedRule[],
  ruleText: RuleText,
  readback: Readback,
): boolean {
  if (
    chain.rules.length === actual.length &&
    chain.rules.every((rule, i) => normalRuleText(ruleText(rule)) === normalRuleText(actual[i]?.text ?? ''))
  ) {
    return true;
  }
  const known = readback.get(key);
  return known !== undefined && known.written === writtenText(chain, ruleText) && known.read === readText(actual);
}

function hookInPlace(wanted: readonly HookRule[], actual: readonly SavedRule[], ruleText: RuleText): boolean {
  const texts = (place: HookRule['place']) =>
    wanted.filter((rule) => rule.place === place).map(({ rule }) => normalRuleText(ruleText(rule)));
  const first = texts('first');
  const ours = actual.filter(isOurHookRule).map(({ text }) => normalRuleText(text));
  const leading = actual.slice(0, first.length).map(({ text }) => normalRuleText(text));
  return leading.join('\n') === first.join('\n') && ours.join('\n') === [...first, ...texts('last')].join('\n');
}
