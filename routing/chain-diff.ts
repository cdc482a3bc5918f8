import { chainTexts, hashOf, hookTexts } from '../policy/restore-text.js';
import { type Chain, chainKey, type FirewallState, type Hook, type HookRule, type Table } from '../src/model/chain.js';
import type { IpFamily } from '../src/model/ip-address.js';
import { beforeAcceptingTail } from './accepting-tail.js';
import { isOurChain, isOurHookRule } from './ownership.js';
import type { SavedRule, SavedTable } from './saved-tables.js';

/** How the kernel's tables differ from the desired ones. */
export interface ChainDiff {
  readonly put: readonly Chain[];
  readonly remove: readonly Pick<Chain, 'table' | 'name'>[];
  readonly hooks: readonly HookChange[];
  /** What was found, by chain key (`mangle/cord-fwd`) or by table and hook (`mangle FORWARD`). */
  readonly findings: ReadonlyMap<string, string>;
}

/** All rules of ours in one of the kernel's own chains, replaced together. */
export interface HookChange {
  readonly table: Table;
  readonly hook: Hook;
  /** As iptables-save printed them. */
  readonly remove: readonly string[];
  readonly first: readonly string[];
  readonly early: readonly string[];
  /** How many rules of others stay before the early ones. */
  readonly othersBefore: number;
  readonly last: readonly string[];
  /** Undefined: they are as they should be, but for the place of the early ones, that others' rules have since come before. */
  readonly finding: string | undefined;
}

/** What `findings` tells of a chain that the kernel does not have. */
export const MISSING = 'was missing';

const TABLES: readonly Table[] = ['raw', 'mangle', 'nat', 'filter', 'security'];
const HOOKS: readonly Hook[] = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'];

/** Compares by the hashes that our rules carry: a rule that is missing, foreign, or in another place breaks their chain. */
export function diffChains(desired: FirewallState, saved: ReadonlyMap<Table, SavedTable>): ChainDiff {
  const findings = new Map<string, string>();
  const put: Chain[] = [];
  for (const [key, chain] of desired.chains) {
    const actual = saved.get(chain.table)?.chains.get(chain.name);
    if (actual !== undefined && sameHashes(chainTexts(chain, desired.family), actual)) continue;
    findings.set(key, actual === undefined ? MISSING : 'differed');
    put.push(chain);
  }
  const remove = [...saved].flatMap(([table, { chains }]) =>
    [...chains.keys()]
      .filter((name) => isOurChain(name) && !desired.chains.has(chainKey(table, name as Chain['name'])))
      .map((name) => ({ table, name: name as Chain['name'] })),
  );
  for (const { table, name } of remove) findings.set(chainKey(table, name), 'should not be');
  const hooks = TABLES.flatMap((table) =>
    HOOKS.flatMap((hook): readonly HookChange[] => {
      const wanted = desired.hooks.filter((rule) => rule.table === table && rule.hook === hook);
      const change = hookChange(table, hook, wanted, saved.get(table)?.chains.get(hook) ?? [], desired.family);
      return change === undefined ? [] : [change];
    }),
  );
  for (const { table, hook, finding } of hooks) if (finding !== undefined) findings.set(`${table} ${hook}`, finding);
  return { put, remove, hooks, findings };
}

/** For iptables-restore; one transaction for each table. */
export function hooksText(hooks: readonly HookChange[]): string {
  return TABLES.map((table) => {
    const lines = hooks
      .filter((change) => change.table === table)
      .flatMap(({ hook, remove, first, early, othersBefore, last }) => [
        ...remove.map((text) => `-D ${hook} ${text}`),
        ...first.map((text, i) => `-I ${hook} ${i + 1} ${text}`),
        ...early.map((text, i) => `-I ${hook} ${first.length + othersBefore + i + 1} ${text}`),
        ...last.map((text) => `-A ${hook} ${text}`),
      ]);
    return lines.length === 0 ? '' : `*${table}\n${lines.join('\n')}\nCOMMIT\n`;
  }).join('');
}

/** undefined: all stand where they should, and no other rule of ours does. */
function hookChange(
  table: Table,
  hook: Hook,
  wanted: readonly HookRule[],
  actual: readonly SavedRule[],
  family: IpFamily,
): HookChange | undefined {
  const texts = hookTexts(wanted, family);
  const at = (place: HookRule['place']) => texts.filter((rule) => rule.hook.place === place).map(({ text }) => text);
  const [first, early, last] = [at('first'), at('early'), at('last')];
  const ours = actual.filter(isOurHookRule);
  const othersBefore = beforeAcceptingTail(actual.filter((rule) => !isOurHookRule(rule)));
  const remove = ours.map(({ text }) => text);
  const change = { table, hook, remove, first, early, othersBefore, last };
  const inPlace = sameHashes(first, actual.slice(0, first.length)) && sameHashes([...first, ...early, ...last], ours);
  if (!inPlace)
    return { ...change, finding: ours.length === 0 ? 'our rules were missing' : 'our rules were changed or displaced' };
  const isLate = early.length > 0 && actual.indexOf(ours[first.length] as SavedRule) > first.length + othersBefore;
  return isLate ? { ...change, finding: undefined } : undefined;
}

const sameHashes = (wanted: readonly string[], actual: readonly SavedRule[]): boolean =>
  wanted.length === actual.length && wanted.every((text, i) => hashOf(text) === hashOf(actual[i]?.text ?? ''));
