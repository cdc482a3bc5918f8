import type { SavedRule } from './saved-tables.js';

/**
 * How many rules of a kernel's own chain stand before those at its end that only accept, or that Docker made for its
 * bridges. What belongs to an established connection of ours may be accepted there: its first packet passed them all.
 * So it need not pass what Docker has for each of its networks.
 *
 * @param rules those of others, in order
 */
export const beforeAcceptingTail = (rules: readonly SavedRule[]): number =>
  rules.findLastIndex(({ text }) => !isOfTail(text)) + 1;

/** `DOCKER-USER` is the administrator's; the last is `--icc=false`. */
const isOfTail = (text: string): boolean =>
  / ?-j ACCEPT$/.test(text) || / ?-j DOCKER(?!-USER$)[A-Z0-9-]*$/.test(text) || /^-i (\S+) -o \1 -j DROP$/.test(text);
