import { InvalidArgumentError } from 'commander';
import { parseAsNumber } from '../model/as-number.js';
import { InvalidRequestError } from '../model/errors.js';

/** For an option that may be given several times. */
export const another = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** For `KEY=VALUE` options that may be given several times; a key alone has the empty value. */
export function anotherPair(text: string, before: Readonly<Record<string, string>> = {}) {
  const at = text.indexOf('=');
  const key = at < 0 ? text : text.slice(0, at);
  if (key === '') throw new InvalidArgumentError('Write KEY=VALUE.');
  return { ...before, [key]: at < 0 ? '' : text.slice(at + 1) };
}

/** @throws InvalidArgumentError, which commander shows with the option's name */
export function integerOf(text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Write a whole number.');
}

/** A whole number from 1 on, or `none`. */
export const countOrNone = (text: string): number | 'none' => {
  if (text === 'none') return text;
  const count = integerOf(text);
  if (count > 0) return count;
  throw new InvalidArgumentError('Write a whole number from 1 on, or none.');
};

/** `--flag` alone is true. */
export function booleanOf(text: string): boolean {
  if (['true', 'yes', 'on'].includes(text)) return true;
  if (['false', 'no', 'off'].includes(text)) return false;
  throw new InvalidArgumentError('Write true or false.');
}

/** @throws InvalidArgumentError, which commander shows with the option's name */
export function asNumberOf(text: string): number {
  try {
    return parseAsNumber(text);
  } catch (error) {
    if (error instanceof InvalidRequestError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}
