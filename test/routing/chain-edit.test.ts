import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { chainTexts } from '../../policy/restore-text.js';
import { editChain } from '../../routing/chain-edit.js';
import type { Chain, ChainName } from '../../src/model/chain.js';

const chainOf = (comments: readonly string[]): Chain => ({
  table: 'mangle',
  name: 'cord-x' as ChainName,
  rules: comments.map((comment) => ({ matches: [], target: { kind: 'drop' }, comment })),
});

/** What iptables-restore would make of the edit. */
function carriedOut(before: Chain, after: Chain): readonly string[] {
  const { declaration, lines } = editChain(before, after, 4);
  const rules = declaration === undefined ? [...chainTexts(before, 4)] : [];
  for (const line of lines) {
    const [, verb, text = ''] = /^-([AID]) cord-x (.*)$/.exec(line) ?? [];
    const [, place, rest = ''] = /^(\d+) (.*)$/.exec(text) ?? [];
    if (verb === 'A') rules.push(text);
    else if (verb === 'I') rules.splice(Number(place) - 1, 0, rest);
    else rules.splice(rules.indexOf(text), 1);
  }
  return rules;
}

const comments = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'));

test('an edit turns the one form of a chain into the other', () => {
  fc.assert(
    fc.property(comments, comments, (before, after) => {
      expect(carriedOut(chainOf(before), chainOf(after))).toEqual(chainTexts(chainOf(after), 4));
    }),
  );
});

test('where rules are only added, nothing is deleted, and a removal names the rule itself', () => {
  const [less, more] = [chainOf(['a', 'z']), chainOf(['a', 'm', 'z'])];
  expect(editChain(less, more, 4)).toEqual({ lines: [`-I cord-x 2 ${chainTexts(more, 4)[1]}`] });
  expect(editChain(more, less, 4)).toEqual({ lines: [`-D cord-x ${chainTexts(more, 4)[1]}`] });
});

test('a chain that nobody knows is written whole', () => {
  const chain = chainOf(['a']);
  expect(editChain(undefined, chain, 4)).toEqual({
    declaration: ':cord-x - [0:0]',
    lines: [`-A cord-x ${chainTexts(chain, 4)[0]}`],
  });
});
