import { InvalidRequestError } from './errors.js';

/** What a person who got a selector wrong is shown: the language in one line. */
const SELECTOR_SUMMARY =
  "write LABEL == 'V', LABEL != 'V', LABEL in {'V', 'W'}, has(LABEL) or all(), joined by && and ||, with ! before what is to be negated";

/** A selector that does not follow its grammar: where it goes wrong and what could stand there. */
export class SelectorSyntaxError extends InvalidRequestError {
  readonly column: number;
  readonly found: string;
  readonly expected: string;
  readonly remedy: string = SELECTOR_SUMMARY;
  constructor(selector: string, column: number, found: string, expected: string) {
    super(
      `in the selector ${JSON.stringify(shorten(selector))}, at column ${column}: found ${found}, expected ${expected}; ${SELECTOR_SUMMARY}`,
    );
    this.column = column;
    this.found = found;
    this.expected = expected;
  }
}

/** Characters. It also bounds how deep parentheses go, and so the parser's stack. */
const MAX_SELECTOR_LENGTH = 1_024;

const shorten = (text: string): string => (text.length <= 200 ? text : `${text.slice(0, 200)}...`);

interface Token {
  readonly kind: 'word' | 'string' | 'sign';
  /** Without the quotation marks of a string. */
  readonly text: string;
  /** From 1. */
  readonly column: number;
}

/** Reads the words, values and signs of one selector from left to right. */
export class SelectorTokens {
  readonly #selector: string;
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(selector: string) {
    this.#selector = selector;
    this.#tokens = tokenize(selector);
  }

  get ended(): boolean {
    return this.#next >= this.#tokens.length;
  }

  takeSign(sign: string): boolean {
    return this.#takeAll('sign', [sign]);
  }

  /** Steps over the words if they come next, all of them. */
  takeWords(...words: readonly string[]): boolean {
    return this.#takeAll('word', words);
  }

  takeWord(expected: string): string {
    return this.#takeOne('word', expected);
  }

  takeString(): string {
    return this.#takeOne('string', 'a value in quotation marks');
  }

  /**
   * @param back how many tokens before the next one the error is about
   * @throws SelectorSyntaxError
   */
  fail(expected: string, back = 0): never {
    const token = this.#tokens[this.#next - back];
    const found = token === undefined ? 'its end' : JSON.stringify(shorten(token.text));
    throw new SelectorSyntaxError(this.#selector, token?.column ?? this.#selector.length + 1, found, expected);
  }

  #takeAll(kind: Token['kind'], texts: readonly string[]): boolean {
    const fits = texts.every((text, i) => {
      const token = this.#tokens[this.#next + i];
      return token?.kind === kind && token.text === text;
    });
    if (fits) this.#next += texts.length;
    return fits;
  }

  #takeOne(kind: Token['kind'], expected: string): string {
    const token = this.#tokens[this.#next];
    if (token?.kind !== kind) return this.fail(expected);
    this.#next++;
    return token.text;
  }
}

function tokenize(selector: string): readonly Token[] {
  if (selector.length > MAX_SELECTOR_LENGTH) {
    throw new SelectorSyntaxError(
      selector,
      MAX_SELECTOR_LENGTH,
      'more text',
      `at most ${MAX_SELECTOR_LENGTH} characters`,
    );
  }
  const tokens: Token[] = [];
  const token = /\s+|([A-Za-z0-9_./-]+)|'([^'\p{Cc}]*)'|"([^"\p{Cc}]*)"|(&&|\|\||==|!=|[!(){},])/uy;
  while (token.lastIndex < selector.length) {
    const column = token.lastIndex + 1;
    const match = token.exec(selector);
    if (match === null) {
      const found = JSON.stringify(shorten(selector.slice(column - 1)).split(' ')[0]);
      throw new SelectorSyntaxError(
        selector,
        column,
        found,
        'a label, a value in quotation marks, or one of == != && || ! ( ) { } ,',
      );
    }
    const [, word, single, double, sign] = match;
    if (word !== undefined) tokens.push({ kind: 'word', text: word, column });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, column });
    else if (single !== undefined || double !== undefined) {
      tokens.push({ kind: 'string', text: single ?? double ?? '', column });
    }
  }
  return tokens;
}
