import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  chain,
  dispatchChain,
  fittedName,
  fromEndpointChain,
  inboundChain,
  outboundChain,
} from '../../policy/chain-names.js';
import { DispatchTree } from '../../policy/dispatch.js';
import { tagSet } from '../../policy/ip-set-names.js';
import type { Chain } from '../../src/model/chain.js';
import { type InterfaceName, parseProfileName, parseTagName } from '../../src/model/ids.js';

const newTree = () => new DispatchTree({ root: chain('fromDispatch'), side: 'in', chainOf: fromEndpointChain });
/** Names that share many of their digits, so that the tree grows deep. */
const names = fc
  .tuple(fc.constantFrom('aaaaaaaaa', 'aaaaaaaab', 'ab0000000', '000000000'), fc.integer({ min: 0, max: 255 }))
  .map(([beginning, end]) => `cord${beginning}${end.toString(16).padStart(2, '0')}` as InterfaceName);

describe('DispatchTree', () => {
  test('changes of one name at a time lead to the tree that is built at once', () => {
    fc.assert(
      fc.property(fc.array(names, { minLength: 30, maxLength: 120 }), (touched) => {
        const tree = newTree();
        const present = new Set<InterfaceName>();
        const kernel = new Map<string, Chain>(tree.chains().map((one) => [one.name, one]));
        for (const name of touched) {
          const { put, remove } = present.has(name) ? tree.delete(name) : tree.add(name);
          if (!present.delete(name)) present.add(name);
          for (const one of put) kernel.set(one.name, one);
          for (const one of remove) expect(kernel.delete(one)).toBe(true);
        }
        const built = newTree();
        for (const name of present) built.add(name);
        expect(Object.fromEntries(kernel)).toEqual(Object.fromEntries(built.chains().map((one) => [one.name, one])));
      }),
      { numRuns: 60 },
    );
  });

  test('one name more among thousands changes few chains, and none has many rules', () => {
    const tree = newTree();
    for (let n = 0; n < 5000; n++)
      tree.add(`cord${((n * 2_654_435_761) % 2 ** 32).toString(16).padStart(11, '0')}` as InterfaceName);
    expect(Math.max(...tree.chains().map(({ rules }) => rules.length))).toBeLessThanOrEqual(17);
    expect(tree.add('cord00012345678' as InterfaceName).put.length).toBeLessThanOrEqual(9);
  });

  test('every chain ends by dropping what it does not know', () => {
    const tree = newTree();
    for (let n = 0; n < 100; n++) tree.add(`cord${n.toString(16).padStart(11, '0')}` as InterfaceName);
    for (const { rules } of tree.chains())
      expect(rules.at(-1)).toMatchObject({ matches: [], target: { kind: 'drop' } });
  });
});

describe('names', () => {
  test('distinct names get distinct chains and sets, within what the kernel takes', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/);
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 2, maxLength: 20 }), (all) => {
        const chains = all.map(parseProfileName).flatMap((one) => [inboundChain(one), outboundChain(one)]);
        const sets = all.map(parseTagName).flatMap((one) => [tagSet(4, one), tagSet(6, one)]);
        expect(new Set(chains).size).toBe(chains.length);
        expect(new Set(sets).size).toBe(sets.length);
        expect(Math.max(...chains.map(({ length }) => length))).toBeLessThanOrEqual(28);
        expect(Math.max(...sets.map(({ length }) => length))).toBeLessThanOrEqual(31);
      }),
    );
  });

  test('long names that begin alike stay apart', () => {
    const long = (end: string) => fittedName('cord-pi-', `${'x'.repeat(60)}${end}`);
    expect(long('1')).not.toBe(long('2'));
    expect(dispatchChain(chain('fromDispatch'), '')).toBe('cord-from');
  });
});
