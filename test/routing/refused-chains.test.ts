import { expect, test } from '@jest/globals';
import { ChainLoader, type RefusedChain } from '../../routing/refused-chains.js';
import type { Chain, ChainName, FilterRule, Table } from '../../src/model/chain.js';
import { KernelError } from '../../src/model/errors.js';

const rule = (comment: string): FilterRule => ({ matches: [], target: { kind: 'return' }, comment });
const chainOf = (name: string, comments: readonly string[], table: Table = 'mangle'): Chain => ({
  table,
  name: `cord-${name}` as ChainName,
  rules: comments.map(rule),
});

/** A packet filter that takes no transaction with a rule that says "bad"; with `dead`, none at all. */
function aFilter({ dead = false } = {}) {
  const chains = new Map<string, readonly string[]>();
  let refusals = 0;
  return {
    chains,
    get refusals() {
      return refusals;
    },
    load(text: string): Promise<void> {
      if (dead || /cord:\S+ bad/.test(text)) {
        refusals++;
        return Promise.reject(new KernelError('refused', 'line 3: RULE_APPEND failed'));
      }
      for (const [, name = ''] of text.matchAll(/^:(\S+) /gm)) {
        const lines = text.split('\n').filter((line) => line.startsWith(`-A ${name} `));
        chains.set(
          name,
          lines.map((line) => /"cord:\S+ (.*)"/.exec(line)?.[1] ?? ''),
        );
      }
      return Promise.resolve();
    },
  };
}

const CLOSED = 'the kernel refuses the next rule';
const loadInto = (
  filter: ReturnType<typeof aFilter>,
  chains: readonly Chain[],
  before: readonly RefusedChain[] = [],
  missing: readonly Chain[] = chains,
) => new ChainLoader(4, (text) => filter.load(text), before).load(chains, new Set(missing));

test('a chain with a refused rule is closed from that rule on, and all others are whole', async () => {
  const filter = aFilter();
  const good = Array.from({ length: 30 }, (_, i) => chainOf(`pi-${i}`, ['a', 'b']));
  const bad = [chainOf('pi-x', ['a', 'b', 'bad c', 'd', 'bad e']), chainOf('pi-y', ['bad'])];
  const refused = await loadInto(filter, [...good.slice(0, 9), bad[0] as Chain, ...good.slice(9), bad[1] as Chain]);
  expect(refused).toMatchObject([
    { chain: 'mangle/cord-pi-x', comment: 'bad c', inForce: 2, reason: 'line 3: RULE_APPEND failed' },
    { chain: 'mangle/cord-pi-y', comment: 'bad', inForce: 0 },
  ]);
  expect(filter.chains.get('cord-pi-x')).toEqual(['a', 'b', CLOSED]);
  expect(filter.chains.get('cord-pi-y')).toEqual([CLOSED]);
  for (const { name } of good) expect(filter.chains.get(name)).toEqual(['a', 'b']);
});

test('a rule that was found once is not searched for again', async () => {
  const filter = aFilter();
  const bad = chainOf('pi-x', ['a', 'b', 'c', 'd', 'bad', 'f', 'g', 'h']);
  const first = await loadInto(filter, [bad]);
  const searched = filter.refusals;
  expect(await loadInto(filter, [bad], first, [])).toEqual(first);
  expect([searched > 2, filter.refusals - searched]).toEqual([true, 1]);
});

test('table nat takes no DROP: a refused translation is left out', async () => {
  const filter = aFilter();
  await loadInto(filter, [chainOf('publish', ['a', 'bad'], 'nat')]);
  expect(filter.chains.get('cord-publish')).toEqual(['a']);
});

test('where nothing is taken, no rule is at fault', async () => {
  await expect(loadInto(aFilter({ dead: true }), [chainOf('pi-x', ['a'])])).rejects.toThrow(KernelError);
  await expect(loadInto(aFilter({ dead: true }), [chainOf('pi-x', ['a'])], [], [])).rejects.toThrow(KernelError);
});
