import { createHash } from 'node:crypto';
import type { Chain, FilterRule, FirewallChanges, FirewallState, HookRule, Table } from '../src/model/chain.js';
import type { IpFamily } from '../src/model/ip-address.js';
import type { IpSet } from '../src/model/ip-set.js';
import { ruleText } from './rule-text.js';

/** The order in which tables are written: mangle decides, the last ones guard what it decided. */
export const TABLES: readonly Table[] = ['raw', 'mangle', 'nat', 'filter', 'security'];
/** Characters of a rule's hash: 96 bits. */
const HASH_LENGTH = 16;
/** Most members of a set. */
const MAX_MEMBERS = 1_048_576;

/**
 * The chain's rules as iptables-restore takes them behind `-A CHAIN `. Each carries in its comment a hash of the
 * chain's name and its own content: equal hashes in equal places are equal chains, and nothing else of what
 * iptables-save prints need be read. A rule's hash does not depend on its neighbours, so that one can be added alone.
 */
export function chainTexts(chain: Chain, family: IpFamily): readonly string[] {
  const known = TEXTS[family].get(chain);
  if (known !== undefined) return known;
  const texts = hashed(`${chain.table}/${chain.name}`, chain.rules, family);
  TEXTS[family].set(chain, texts);
  return texts;
}

/** A chain is written once, and compared with what follows it and with what is read back many times. */
const TEXTS: Readonly<Record<IpFamily, WeakMap<Chain, readonly string[]>>> = { 4: new WeakMap(), 6: new WeakMap() };

/** The hash that a rule of ours carries, from the text that iptables-save prints; undefined: it is not ours. */
export const hashOf = (savedRule: string): string | undefined =>
  /--comment "?cord:([A-Za-z0-9_-]{16})[ "]/.exec(`${savedRule} `)?.[1];

function hashed(name: string, rules: readonly FilterRule[], family: IpFamily): readonly string[] {
  return rules.map((rule) => {
    const digest = createHash('sha256')
      .update(`${name}\n${ruleText(rule, family)}`)
      .digest('base64url');
    return ruleText(rule, family, digest.slice(0, HASH_LENGTH));
  });
}

/** The rules of ours in one of the kernel's own chains, in their order. */
export function hookTexts(
  hooks: readonly HookRule[],
  family: IpFamily,
): readonly { readonly hook: HookRule; readonly text: string }[] {
  return hooks.map((hook) => {
    const [text = ''] = hashed(`${hook.table} ${hook.hook} ${hook.place}`, [hook.rule], family);
    return { hook, text };
  });
}

/** One transaction for each table that brings an empty packet filter to the state. Sets have to be there before. */
export function stateText({ family, hooks, chains }: FirewallState): string {
  return TABLES.map((table) => {
    const put = sortedByName([...chains.values()].filter((chain) => chain.table === table));
    const hookLines = hookTexts(
      hooks.filter((hook) => hook.table === table),
      family,
    ).map(({ hook, text }) => `-A ${hook.hook} ${text}`);
    return tableText(table, [...chainLines(put, family), ...hookLines]);
  }).join('');
}

/** The change's chains, created or replaced: one transaction for each table. */
export const putText = ({ family, putChains }: FirewallChanges): string =>
  TABLES.map((table) =>
    tableText(table, chainLines(sortedByName(putChains.filter((chain) => chain.table === table)), family)),
  ).join('');

/** The change's removals, a transaction of their own, since iptables-nft looks for uses as they were when it began. */
export const removeText = ({ removeChains }: FirewallChanges): string =>
  TABLES.map((table) => {
    const names = removeChains.filter((chain) => chain.table === table).map(({ name }) => name);
    return tableText(table, [...names.map((name) => `:${name} - [0:0]`), ...names.map((name) => `-X ${name}`)]);
  }).join('');

/** Lines for `ipset restore` that create the sets with their members. */
export const setsText = (sets: Iterable<IpSet>): string =>
  [...sets]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name, type, family, members }) => [
      `create ${name} ${type} family ${family === 4 ? 'inet' : 'inet6'} maxelem ${MAX_MEMBERS} -exist`,
      ...[...members].sort().map((member) => `add ${name} ${member} -exist`),
    ])
    .map((line) => `${line}\n`)
    .join('');

const sortedByName = (chains: readonly Chain[]): readonly Chain[] =>
  [...chains].sort((a, b) => (a.name < b.name ? -1 : 1));

const chainLines = (chains: readonly Chain[], family: IpFamily): readonly string[] => [
  ...chains.map(({ name }) => `:${name} - [0:0]`),
  ...chains.flatMap((chain) => chainTexts(chain, family).map((text) => `-A ${chain.name} ${text}`)),
];

/** One transaction; nothing, if there are no lines. */
export const tableText = (table: Table, lines: readonly string[]): string =>
  lines.length === 0 ? '' : `*${table}\n${lines.join('\n')}\nCOMMIT\n`;
