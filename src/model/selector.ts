import { assertNever } from './assert-never.js';
import type { Brand } from './brand.js';
import { SelectorTokens } from './selector-tokens.js';

/** The canonical text of a selector that parses: two that differ in spaces and quotation marks alone have one text. */
export type SelectorText = Brand<string, 'SelectorText'>;

/** A condition on labels, in Calico's language. What compares a label that is absent is false; its negation is true. */
export type Selector =
  | { readonly kind: 'all' }
  | { readonly kind: 'has'; readonly key: string }
  | { readonly kind: 'equals' | 'contains' | 'startsWith' | 'endsWith'; readonly key: string; readonly value: string }
  | { readonly kind: 'in'; readonly key: string; readonly values: readonly string[] }
  | { readonly kind: 'not'; readonly operand: Selector }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Selector[] };

/** A label's value; undefined: there is no such label; null: whether there is one is not known yet. */
export type LabelLookup = (key: string) => string | undefined | null;

const OPERATORS = { contains: 'contains', startsWith: 'starts with', endsWith: 'ends with' } as const;
const EXPECTED_CONDITION = 'a label, "has(LABEL)", "all()", "!" or "("';

/**
 * The selector that a text means, in Calico's language; `&&` binds closer than `||`, `!` closest:
 *
 *     LABEL == 'V'   LABEL != 'V'   LABEL in {'V', 'W'}   LABEL not in {'V'}   has(LABEL)   all()
 *     LABEL contains 'V'   LABEL starts with 'V'   LABEL ends with 'V'   !S   S && S   S || S   (S)
 *
 * @throws SelectorSyntaxError with the column and what could stand there
 */
export function parseSelector(text: string): Selector {
  const tokens = new SelectorTokens(text);
  const selector = parseOr(tokens);
  if (!tokens.ended) tokens.fail('"&&", "||" or its end');
  return selector;
}

/** @throws SelectorSyntaxError */
export function parseSelectorText(text: string): SelectorText {
  const canonical = formatSelector(parseSelector(text));
  // It is read again wherever it is stored, and spaces may have made it longer than what was written.
  parseSelector(canonical);
  return canonical as SelectorText;
}

/** The labels and values of a record, all of which are known. */
export const knownLabels =
  (labels: Readonly<Record<string, string>>): LabelLookup =>
  (key) =>
    Object.hasOwn(labels, key) ? labels[key] : undefined;

/**
 * Whether the labels fulfil the selector. Undefined: it depends on labels that are not known yet; so it also says of a
 * selector that would come out the same either way, such as `has(a) || !has(a)`.
 */
export function evaluateSelector(selector: Selector, labelOf: LabelLookup): boolean | undefined {
  switch (selector.kind) {
    case 'all':
      return true;
    case 'not': {
      const verdict = evaluateSelector(selector.operand, labelOf);
      return verdict === undefined ? undefined : !verdict;
    }
    case 'and':
      return every(selector.operands, labelOf, true);
    case 'or':
      return every(selector.operands, labelOf, false);
    default: {
      const value = labelOf(selector.key);
      return value === null ? undefined : value !== undefined && compare(selector, value);
    }
  }
}

/** All operands give `verdict`, or one gives its opposite, or it is not known. */
function every(operands: readonly Selector[], labelOf: LabelLookup, verdict: boolean): boolean | undefined {
  const verdicts = operands.map((operand) => evaluateSelector(operand, labelOf));
  if (verdicts.includes(!verdict)) return !verdict;
  return verdicts.includes(undefined) ? undefined : verdict;
}

type Comparison = Extract<Selector, { readonly key: string }>;

function compare(selector: Comparison, value: string): boolean {
  switch (selector.kind) {
    case 'has':
      return true;
    case 'equals':
      return value === selector.value;
    case 'in':
      return selector.values.includes(value);
    case 'contains':
      return value.includes(selector.value);
    case 'startsWith':
      return value.startsWith(selector.value);
    case 'endsWith':
      return value.endsWith(selector.value);
    default:
      return assertNever(selector);
  }
}

function parseOr(tokens: SelectorTokens): Selector {
  return parseList(tokens, '||', 'or', () => parseList(tokens, '&&', 'and', () => parseNot(tokens)));
}

function parseList(tokens: SelectorTokens, sign: string, kind: 'and' | 'or', parse: () => Selector): Selector {
  const first = parse();
  const operands = [first];
  while (tokens.takeSign(sign)) operands.push(parse());
  return operands.length === 1 ? first : { kind, operands };
}

function parseNot(tokens: SelectorTokens): Selector {
  if (tokens.takeSign('!')) return negated(parseNot(tokens));
  if (!tokens.takeSign('(')) return parseCondition(tokens);
  const selector = parseOr(tokens);
  if (!tokens.takeSign(')')) tokens.fail('"&&", "||" or ")"');
  return selector;
}

const negated = (operand: Selector): Selector => (operand.kind === 'not' ? operand.operand : { kind: 'not', operand });

function parseCondition(tokens: SelectorTokens): Selector {
  const word = tokens.takeWord(EXPECTED_CONDITION);
  if (tokens.takeSign('(')) {
    if (word !== 'has' && word !== 'all') tokens.fail('has or all before "("', 2);
    const selector: Selector =
      word === 'all' ? { kind: 'all' } : { kind: 'has', key: tokens.takeWord('the name of a label') };
    if (!tokens.takeSign(')')) tokens.fail('")"');
    return selector;
  }
  if (tokens.takeSign('==')) return { kind: 'equals', key: word, value: tokens.takeString() };
  if (tokens.takeSign('!=')) return negated({ kind: 'equals', key: word, value: tokens.takeString() });
  if (tokens.takeWords('in')) return { kind: 'in', key: word, values: parseValues(tokens) };
  if (tokens.takeWords('not', 'in')) return negated({ kind: 'in', key: word, values: parseValues(tokens) });
  if (tokens.takeWords('contains')) return { kind: 'contains', key: word, value: tokens.takeString() };
  if (tokens.takeWords('starts', 'with')) return { kind: 'startsWith', key: word, value: tokens.takeString() };
  if (tokens.takeWords('ends', 'with')) return { kind: 'endsWith', key: word, value: tokens.takeString() };
  return tokens.fail('"==", "!=", "in", "not in", "contains", "starts with" or "ends with"');
}

function parseValues(tokens: SelectorTokens): readonly string[] {
  if (!tokens.takeSign('{')) tokens.fail('values in braces, such as {"a", "b"}');
  const values = [tokens.takeString()];
  while (tokens.takeSign(',')) values.push(tokens.takeString());
  if (!tokens.takeSign('}')) tokens.fail('"," or "}"');
  return values;
}

/** `parseSelector(formatSelector(selector))` equals the selector, if that came from a text. */
export function formatSelector(selector: Selector): string {
  switch (selector.kind) {
    case 'all':
      return 'all()';
    case 'has':
      return `has(${selector.key})`;
    case 'equals':
      return `${selector.key} == ${quote(selector.value)}`;
    case 'in':
      return `${selector.key} in {${selector.values.map(quote).join(', ')}}`;
    case 'contains':
    case 'startsWith':
    case 'endsWith':
      return `${selector.key} ${OPERATORS[selector.kind]} ${quote(selector.value)}`;
    case 'not':
      return formatNegation(selector.operand);
    case 'and':
      return selector.operands.map((one) => inParentheses(one, one.kind === 'and' || one.kind === 'or')).join(' && ');
    case 'or':
      return selector.operands.map((one) => inParentheses(one, one.kind === 'or')).join(' || ');
    default:
      return assertNever(selector);
  }
}

function formatNegation(operand: Selector): string {
  if (operand.kind === 'equals') return `${operand.key} != ${quote(operand.value)}`;
  if (operand.kind === 'in') return formatSelector(operand).replace(' in {', ' not in {');
  const isSimple = operand.kind === 'all' || operand.kind === 'has';
  return `!${inParentheses(operand, !isSimple)}`;
}

const inParentheses = (selector: Selector, wanted: boolean): string =>
  wanted ? `(${formatSelector(selector)})` : formatSelector(selector);

const quote = (value: string): string => (value.includes('"') ? `'${value}'` : `"${value}"`);
