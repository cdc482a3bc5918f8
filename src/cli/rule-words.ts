/**
 * The text of a rule from the words that the shell left of it. A rule given as one word is taken as it is; of several,
 * those that lost their quotation marks get them back: `selector 'a == "b"'` arrives as `selector` and `a == "b"`.
 */
export function ruleText(words: readonly string[]): string {
  const [first, ...rest] = words;
  if (rest.length === 0) return first ?? '';
  return words.map((word, index) => (needsQuotes(word, words[index - 1]) ? quote(word) : word)).join(' ');
}

const needsQuotes = (word: string, before: string | undefined): boolean =>
  !/^(['"]).*\1$/.test(word) && (before === 'selector' || (/\s/.test(word) && !/^[\d,:\s-]+$/.test(word)));

const quote = (word: string): string => (word.includes("'") ? `"${word}"` : `'${word}'`);
