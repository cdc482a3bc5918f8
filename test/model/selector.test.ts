import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  evaluateSelector,
  formatSelector,
  knownLabels,
  type LabelLookup,
  parseSelector,
  parseSelectorText,
} from '../../src/model/selector.js';
import { completionsOf, keysOf, type LabelSet, labelSets, writtenSelectors } from '../builders/selectors.js';

/** The labels, and nothing known of keys that are not there. */
const incomplete =
  (labels: LabelSet): LabelLookup =>
  (key) =>
    Object.hasOwn(labels, key) ? labels[key] : null;

describe('a selector', () => {
  test('holds where its parts, put together by hand, hold', () => {
    let held = 0;
    fc.assert(
      fc.property(writtenSelectors, labelSets, ({ text, holds }, labels) => {
        const expected = holds(labels);
        if (expected) held++;
        expect({ text, verdict: evaluateSelector(parseSelector(text), knownLabels(labels)) }).toEqual({
          text,
          verdict: expected,
        });
      }),
      { numRuns: 1000 },
    );
    expect(held).toBeGreaterThan(200);
    expect(held).toBeLessThan(900);
  });

  test('has one text, which means the same', () => {
    fc.assert(
      fc.property(writtenSelectors, ({ text }) => {
        const selector = parseSelector(text);
        expect(parseSelector(formatSelector(selector))).toEqual(selector);
        expect(parseSelectorText(parseSelectorText(text))).toBe(parseSelectorText(text));
      }),
    );
  });

  test('is decided by labels that are known only if no other label could change it, and always if each is asked once', () => {
    let open = 0;
    fc.assert(
      fc.property(writtenSelectors, labelSets, ({ text, holds }, labels) => {
        const selector = parseSelector(text);
        const verdict = evaluateSelector(selector, incomplete(labels));
        const verdicts = new Set(completionsOf(labels).map(holds));
        if (verdict !== undefined) expect({ text, verdicts: [...verdicts] }).toEqual({ text, verdicts: [verdict] });
        else open++;
        const keys = keysOf(selector);
        // values such as '' and 'x' make `starts with ''` a mere has(): still a question of its own label alone
        if (new Set(keys).size === keys.length && verdict === undefined) expect(verdicts.size).toBe(2);
      }),
      { numRuns: 1000 },
    );
    expect(open).toBeGreaterThan(100);
  });
});

test.each<[string, string]>([
  [`role=='db'`, 'role == "db"'],
  ['!(a == "1")', 'a != "1"'],
  ['!!has(a)', 'has(a)'],
  ["! a in {'1','2'}", 'a not in {"1", "2"}'],
  ['((a == "1")) || (b == "2" && has(c))', 'a == "1" || b == "2" && has(c)'],
  ['(a == "1" || b == "2") && has(c)', '(a == "1" || b == "2") && has(c)'],
  ["in in {'in'} && not not in {'x'} && has == 'y'", 'in in {"in"} && not not in {"x"} && has == "y"'],
  [`a == 'say "x"'`, `a == 'say "x"'`],
  ['com.docker.compose.service starts with "we"', 'com.docker.compose.service starts with "we"'],
])('%s is written as %s', (text, canonical) => {
  expect(parseSelectorText(text)).toBe(canonical);
});

test.each<[string, number, string]>([
  ['', 1, 'a label, "has(LABEL)", "all()", "!" or "("'],
  ['role', 5, '"==", "!=", "in", "not in", "contains", "starts with" or "ends with"'],
  ['role = "db"', 6, 'a label, a value in quotation marks, or one of == != && || ! ( ) { } ,'],
  ['role == db', 9, 'a value in quotation marks'],
  ['role == "db', 9, 'a label, a value in quotation marks, or one of == != && || ! ( ) { } ,'],
  ['role == "db" and has(x)', 14, '"&&", "||" or its end'],
  ['role in "db"', 9, 'values in braces, such as {"a", "b"}'],
  ['role in {"a" "b"}', 14, '"," or "}"'],
  ['role in {}', 10, 'a value in quotation marks'],
  ['(role == "db"', 14, '"&&", "||" or ")"'],
  ['any()', 1, 'has or all before "("'],
  ['has(a, b)', 6, '")"'],
  ['a starts "x"', 3, '"==", "!=", "in", "not in", "contains", "starts with" or "ends with"'],
  ['a == "x\u0007"', 6, 'a label, a value in quotation marks, or one of == != && || ! ( ) { } ,'],
  [`${'('.repeat(1100)}`, 1024, 'at most 1024 characters'],
])('%j is refused at column %i', (text, column, wanted) => {
  expect(() => parseSelector(text)).toThrow(expect.objectContaining({ column, expected: wanted }));
});

test('labels that every object has are absent', () => {
  expect(evaluateSelector(parseSelector('has(constructor)'), knownLabels({}))).toBe(false);
});

test('a text that fits only without the spaces of the one text is refused, so that what is stored can be read', () => {
  const text = Array.from({ length: 120 }, () => 'a=="1"').join('||');
  expect(() => parseSelector(text)).not.toThrow();
  expect(() => parseSelectorText(text)).toThrow('at most 1024 characters');
});
