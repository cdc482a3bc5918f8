import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chainTexts, hashOf } from '../../policy/restore-text.js';
import type { Chain } from '../../src/model/chain.js';
import { POLICY_CASES } from '../builders/policy-cases.js';
import { engineOf } from '../builders/policy-world.js';
import { netnsUnavailable, TestNamespace } from './test-namespace.js';

const FOLDER = `${process.cwd()}/test/golden/policy`;
const TOOLS = { 4: 'iptables', 6: 'ip6tables' } as const;
const unavailable = netnsUnavailable();
if (unavailable !== undefined) console.warn(`golden files are not loaded into the kernel: ${unavailable}`);

(unavailable === undefined ? describe : describe.skip).each(['nft', 'legacy'] as const)('%s', (backend) => {
  let namespace: TestNamespace;
  let missing: string | undefined;
  beforeAll(async () => {
    namespace = await TestNamespace.create('golden');
    const probe = await namespace.runner.run(`iptables-${backend}`, ['-t', 'mangle', '-S']);
    if (probe.exitCode !== 0) missing = probe.stderr;
    if (missing !== undefined) console.warn(`golden files are not loaded with ${backend}: ${missing}`);
  });
  afterAll(() => namespace.dispose());

  test('every golden file is of a case that is tested', () => {
    const cases = new Set(readdirSync(FOLDER).map((file) => file.split('.')[0]));
    expect(cases).toEqual(new Set(Object.keys(POLICY_CASES)));
  });

  test.each(Object.entries(POLICY_CASES))('the kernel takes %s, and gives back the hashes', async (name, world) => {
    if (missing !== undefined) return;
    const engine = engineOf(world);
    await namespace.exec('ipset', 'restore', '-file', `${FOLDER}/${name}.sets.txt`);
    for (const family of [4, 6] as const) {
      await namespace.exec(`${TOOLS[family]}-${backend}-restore`, `${FOLDER}/${name}.v${family}.txt`);
      const saved = await namespace.exec(`${TOOLS[family]}-${backend}-save`);
      const expected = [...engine.state(family).chains.values()].map((chain) => [
        `${chain.table}/${chain.name}`,
        hashesOf(chain, family),
      ]);
      expect(savedHashes(saved)).toEqual(Object.fromEntries(expected));
    }
    for (const family of [4, 6] as const) {
      const tables = ['raw', 'mangle', 'nat', 'filter', 'security'];
      const empty = tables.map((table) => `*${table}\n:cord-x - [0:0]\nCOMMIT\n`).join('');
      await namespace.exec(
        'sh',
        '-c',
        `printf '${empty.replaceAll('\n', '\\n')}' | ${TOOLS[family]}-${backend}-restore`,
      );
    }
    await namespace.exec('ipset', 'destroy');
  });
});

const hashesOf = (chain: Chain, family: 4 | 6) => chainTexts(chain, family).map((text) => hashOf(text));

/** Hashes of the rules of each of our chains, by chain key. */
function savedHashes(saved: string): Record<string, (string | undefined)[]> {
  const chains: Record<string, (string | undefined)[]> = {};
  let table = '';
  for (const line of saved.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    const [, declared] = /^:(cord-\S+) /.exec(line) ?? [];
    if (declared !== undefined) chains[`${table}/${declared}`] = [];
    const [, name, rule = ''] = /^-A (cord-\S+) (.*)/.exec(line) ?? [];
    if (name !== undefined) chains[`${table}/${name}`]?.push(hashOf(rule));
  }
  return chains;
}
