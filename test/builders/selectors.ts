import fc from 'fast-check';
import type { Selector } from '../../src/model/selector.js';

const KEYS = ['a', 'b', 'docker/name'];
const VALUES = ['', 'x', 'xy', 'yx'];

export type LabelSet = Readonly<Record<string, string>>;

/** Few keys and few values, so that random selectors and labels meet. */
export const labelSets: fc.Arbitrary<LabelSet> = fc.dictionary(fc.constantFrom(...KEYS), fc.constantFrom(...VALUES));

/** Every way in which the labels could be completed by keys that they lack. */
export const completionsOf = (labels: LabelSet): readonly LabelSet[] =>
  KEYS.filter((key) => !Object.hasOwn(labels, key)).reduce<readonly LabelSet[]>(
    (all, key) => all.flatMap((one) => [one, ...[...VALUES, 'other'].map((value) => ({ ...one, [key]: value }))]),
    [labels],
  );

/** A selector as a person may write it, and what it means, by a function that was made beside the text. */
export interface WrittenSelector {
  readonly text: string;
  readonly holds: (labels: LabelSet) => boolean;
}

const space = fc.constantFrom('', ' ', '  ');
const quotation = fc.constantFrom("'", '"');
const key = fc.constantFrom(...KEYS);
const value = fc.constantFrom(...VALUES);

const comparisons: fc.Arbitrary<WrittenSelector> = fc
  .record({ key, value, others: fc.array(value, { maxLength: 2 }), q: quotation, s: space, kind: fc.nat({ max: 8 }) })
  .map(({ key, value, others, q, s, kind }) => {
    const quoted = `${q}${value}${q}`;
    const values = [value, ...others];
    const list = `{${s}${values.map((one) => `${q}${one}${q}`).join(`${s},${s}`)}${s}}`;
    const all: readonly WrittenSelector[] = [
      { text: `${key}${s}==${s}${quoted}`, holds: (labels) => labels[key] === value },
      { text: `${key}${s}!=${s}${quoted}`, holds: (labels) => labels[key] !== value },
      { text: `${key} in${s}${list}`, holds: (labels) => values.some((one) => labels[key] === one) },
      { text: `${key} not in ${list}`, holds: (labels) => values.every((one) => labels[key] !== one) },
      { text: `has(${s}${key}${s})`, holds: (labels) => key in labels },
      { text: `all(${s})`, holds: () => true },
      { text: `${key} contains${s}${quoted}`, holds: (labels) => labels[key]?.includes(value) ?? false },
      { text: `${key} starts with${s}${quoted}`, holds: (labels) => labels[key]?.startsWith(value) ?? false },
      { text: `${key} ends with ${quoted}`, holds: (labels) => labels[key]?.endsWith(value) ?? false },
    ];
    return all[kind] as WrittenSelector;
  });

const joined = (
  part: fc.Arbitrary<WrittenSelector>,
  sign: string,
  holds: (parts: readonly WrittenSelector[], labels: LabelSet) => boolean,
): fc.Arbitrary<WrittenSelector> =>
  fc.tuple(fc.array(part, { minLength: 1, maxLength: 3 }), space).map(([parts, s]) => ({
    text: parts.map(({ text }) => text).join(`${s}${sign}${s}`),
    holds: (labels) => holds(parts, labels),
  }));

/** With `&&`, `||`, `!` and parentheses only where precedence asks for them, or where they please. */
export const writtenSelectors: fc.Arbitrary<WrittenSelector> = fc
  .letrec<{ or: WrittenSelector; and: WrittenSelector; unary: WrittenSelector }>((tie) => ({
    or: joined(tie('and'), '||', (parts, labels) => parts.some(({ holds }) => holds(labels))),
    and: joined(tie('unary'), '&&', (parts, labels) => parts.every(({ holds }) => holds(labels))),
    unary: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      comparisons,
      fc.tuple(tie('unary'), space).map(([one, s]) => ({
        text: `!${s}${one.text}`,
        holds: (labels: LabelSet) => !one.holds(labels),
      })),
      fc.tuple(tie('or'), space).map(([one, s]) => ({ ...one, text: `(${s}${one.text}${s})` })),
    ),
  }))
  .or.filter(({ text }) => text.length < 400);

/** Keys that a selector looks at. */
export function keysOf(selector: Selector): readonly string[] {
  switch (selector.kind) {
    case 'all':
      return [];
    case 'not':
      return keysOf(selector.operand);
    case 'and':
    case 'or':
      return selector.operands.flatMap(keysOf);
    default:
      return [selector.key];
  }
}
