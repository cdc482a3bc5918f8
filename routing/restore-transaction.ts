import type { Chain, FilterRule, Hook, HookRule, Table } from '../src/model/chain.js';

/** A rule as iptables-restore takes it behind `-A CHAIN `. */
export type RuleText = (rule: FilterRule) => string;

/** What one table of one family should get in one transaction. */
export interface TableChange {
  readonly table: Table;
  readonly put: readonly Chain[];
  readonly hooks: readonly HookChange[];
}

/** All rules of ours in one of the kernel's own chains, replaced together. */
export interface HookChange {
  readonly hook: Hook;
  /** As iptables-save printed them. */
  readonly remove: readonly string[];
  readonly add: readonly HookRule[];
}

/** mangle decides and filter guards what it decided: the judge is put in place before the guard. */
const TABLE_ORDER: readonly Table[] = ['raw', 'mangle', 'nat', 'filter'];

/** Creates or replaces whole chains; every table in one transaction. Empty if there is nothing to put. */
export function putText(changes: readonly TableChange[], ruleText: RuleText): string {
  return tablesText(changes, ({ put, hooks }) => [
    ...put.map(({ name }) => `:${name} - [0:0]`),
    ...put.flatMap(({ name, rules }) => rules.map((rule) => `-A ${name} ${ruleText(rule)}`)),
    ...hooks.flatMap((hook) => hookLines(hook, ruleText)),
  ]);
}

/**
 * Removes chains, whether they exist or not. A transaction of its own: iptables-nft checks that a chain is unused
 * against the rules as they were when the transaction began.
 */
export function removeText(chains: readonly Pick<Chain, 'table' | 'name'>[]): string {
  const tables = TABLE_ORDER.map((table) => ({ table, names: chains.filter((chain) => chain.table === table) }));
  return tablesText(tables, ({ names }) => [
    ...names.map(({ name }) => `:${name} - [0:0]`),
    ...names.map(({ name }) => `-X ${name}`),
  ]);
}

export function byTable(chains: readonly Chain[]): readonly TableChange[] {
  return TABLE_ORDER.map((table) => ({ table, put: chains.filter((chain) => chain.table === table), hooks: [] }));
}

function hookLines({ hook, remove, add }: HookChange, ruleText: RuleText): readonly string[] {
  const first = add.filter(({ place }) => place === 'first');
  const last = add.filter(({ place }) => place === 'last');
  return [
    ...remove.map((text) => `-D ${hook} ${text}`),
    ...first.map(({ rule }, i) => `-I ${hook} ${i + 1} ${ruleText(rule)}`),
    ...last.map(({ rule }) => `-A ${hook} ${ruleText(rule)}`),
  ];
}

function tablesText<T extends { readonly table: Table }>(
  tables: readonly T[],
  linesOf: (table: T) => readonly string[],
): string {
  return [...tables]
    .sort((a, b) => TABLE_ORDER.indexOf(a.table) - TABLE_ORDER.indexOf(b.table))
    .map((table) => ({ table: table.table, lines: linesOf(table) }))
    .filter(({ lines }) => lines.length > 0)
    .map(({ table, lines }) => `*${table}\n${lines.join('\n')}\nCOMMIT\n`)
    .join('');
}
