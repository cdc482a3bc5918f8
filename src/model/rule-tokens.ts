import { InvalidRequestError } from './errors.js';
import type { SelectorSyntaxError } from './selector-tokens.js';

/** One word of a rule, or a quoted text; `column` counts from 1. */
export interface RuleToken {
  readonly text: string;
  readonly column: number;
  readonly quoted: boolean;
}

/** What a person who got a rule wrong is shown: the grammar in one line. */
const RULE_SUMMARY =
  'write allow|deny|log|pass [PROTOCOL] [from [ports P] [tag T] [selector \'S\'] [CIDR]] [to ...], with "not" before what is to be negated';

/** A rule text that does not follow the grammar: where it goes wrong and what could stand there. */
export class RuleSyntaxError extends InvalidRequestError {
  readonly column: number;
  readonly expected: string;
  constructor(rule: string, column: number, found: string, expected: string, remedy = RULE_SUMMARY) {
    super(`in the rule "${shorten(rule)}", at column ${column}: found ${found}, expected ${expected}; ${remedy}`);
    this.column = column;
    this.expected = expected;
  }
}

/** Characters; the longest rule anyone needs is far below. */
const MAX_RULE_LENGTH = 8192;

const shorten = (text: string): string => (text.length <= 200 ? text : `${text.slice(0, 200)}...`);

/** Reads the words of one rule from left to right. */
export class RuleTokens {
  readonly #rule: string;
  readonly #tokens: readonly RuleToken[];
  #next = 0;

  constructor(rule: string) {
    this.#rule = rule;
    this.#tokens = tokenize(rule);
  }

  peek(ahead = 0): string | undefined {
    const token = this.#tokens[this.#next + ahead];
    return token === undefined || token.quoted ? undefined : token.text;
  }

  get ended(): boolean {
    return this.#next >= this.#tokens.length;
  }

  /** Steps over the word if it comes next. */
  takeWord(word: string): boolean {
    if (this.peek() !== word) return false;
    this.#next++;
    return true;
  }

  take(expected: string): RuleToken {
    const token = this.#tokens[this.#next];
    if (token === undefined) return this.fail(expected);
    this.#next++;
    return token;
  }

  /** A list such as `80,443`, also with spaces about its commas, as one token. */
  takeList(expected: string): RuleToken {
    let token = this.take(expected);
    while (token.text.endsWith(',') || this.peek()?.startsWith(',')) {
      token = { ...token, text: token.text + this.take(expected).text };
    }
    return token;
  }

  /** @throws RuleSyntaxError about a place inside the quoted `token` */
  failInside(token: RuleToken, { column, found, expected, remedy }: SelectorSyntaxError): never {
    throw new RuleSyntaxError(this.#rule, token.column + column, found, expected, remedy);
  }

  /** @throws RuleSyntaxError about `token`, or about what comes next */
  fail(expected: string, token = this.#tokens[this.#next]): never {
    const found = token === undefined ? 'its end' : JSON.stringify(shorten(token.text));
    throw new RuleSyntaxError(this.#rule, token?.column ?? this.#rule.length + 1, found, expected);
  }
}

function tokenize(rule: string): readonly RuleToken[] {
  if (rule.length > MAX_RULE_LENGTH) {
    throw new RuleSyntaxError(rule, MAX_RULE_LENGTH, 'more text', `at most ${MAX_RULE_LENGTH} characters`);
  }
  const tokens: RuleToken[] = [];
  for (const match of rule.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)) {
    const quoted = match[1] ?? match[2];
    const column = match.index + 1;
    if (quoted === undefined && /^['"]/.test(match[0])) {
      throw new RuleSyntaxError(rule, column, match[0].slice(0, 1), 'a closing quotation mark as well');
    }
    tokens.push({ text: quoted ?? match[0], column, quoted: quoted !== undefined });
  }
  return tokens;
}
