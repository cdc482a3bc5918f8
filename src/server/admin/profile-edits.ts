import { ConflictError, InvalidRequestError, NotFoundError } from '../../model/errors.js';
import type { TagName } from '../../model/ids.js';
import type { Profile } from '../../model/profile.js';
import type { Rule } from '../../model/rule.js';
import { formatRule } from '../../model/rule-grammar.js';

export type Direction = 'inbound' | 'outbound';

/** A profile after an edit, and what to tell. The same profile back means that nothing had to change. */
export interface Edited {
  readonly profile: Profile;
  readonly message: string;
}

/** @param at position in the list counted from 1, up to one past its end; absent: at the end */
export function addRule(profile: Profile, direction: Direction, rule: Rule, at?: number): Edited {
  refuseUnenforceable([rule]);
  const rules = profile[direction];
  const text = formatRule(rule);
  const present = rules.findIndex((r) => formatRule(r) === text);
  if (present >= 0) {
    return { profile, message: `profile ${profile.name} has that ${direction} rule already, as number ${present + 1}` };
  }
  const position = at ?? rules.length + 1;
  if (position < 1 || position > rules.length + 1) {
    throw new InvalidRequestError(
      `cannot add a rule at ${position}: profile ${profile.name} has ${rules.length} ${direction} rules; give --at 1 to ${rules.length + 1}, or leave it out to add at the end`,
    );
  }
  return {
    profile: { ...profile, [direction]: rules.toSpliced(position - 1, 0, rule) },
    message: `added ${direction} rule ${position} of profile ${profile.name}: ${text}`,
  };
}

/** @param which position counted from 1, or the rule itself */
export function removeRule(profile: Profile, direction: Direction, which: number | Rule): Edited {
  const rules = profile[direction];
  const index = typeof which === 'number' ? which - 1 : indexOfRule(rules, which);
  const removed = rules[index];
  if (removed === undefined) {
    const what = typeof which === 'number' ? `number ${which}` : `"${formatRule(which)}"`;
    throw new NotFoundError(
      `profile ${profile.name} has no ${direction} rule ${what}; see "corduroy profile ${profile.name} rule show"`,
    );
  }
  return {
    profile: { ...profile, [direction]: rules.toSpliced(index, 1) },
    message: `removed ${direction} rule ${index + 1} of profile ${profile.name}: ${formatRule(removed)}`,
  };
}

function indexOfRule(rules: readonly Rule[], rule: Rule): number {
  const text = formatRule(rule);
  return rules.findIndex((r) => formatRule(r) === text);
}

/** Both directions at once; one that is left out stays. */
export function replaceRules(
  profile: Profile,
  rules: { readonly inbound?: readonly Rule[] | undefined; readonly outbound?: readonly Rule[] | undefined },
): Edited {
  const { inbound = profile.inbound, outbound = profile.outbound } = rules;
  refuseUnenforceable([...(rules.inbound ?? []), ...(rules.outbound ?? [])]);
  return { profile: { ...profile, inbound, outbound }, message: `updated the rules of profile ${profile.name}` };
}

export function addTag(profile: Profile, tag: TagName): Edited {
  if (profile.tags.includes(tag)) return { profile, message: `profile ${profile.name} has tag ${tag} already` };
  return {
    profile: { ...profile, tags: [...profile.tags, tag] },
    message: `added tag ${tag} to profile ${profile.name}`,
  };
}

export function removeTag(profile: Profile, tag: TagName): Edited {
  if (!profile.tags.includes(tag)) {
    throw new NotFoundError(`profile ${profile.name} has no tag ${tag}; it has ${profile.tags.join(', ') || 'none'}`);
  }
  return {
    profile: { ...profile, tags: profile.tags.filter((t) => t !== tag) },
    message: `removed tag ${tag} from profile ${profile.name}`,
  };
}

/** @throws ConflictError naming the users; a profile that is gone would leave them without rules, denied everything */
export function refuseInUse(profile: Profile['name'], networks: readonly string[], endpoints: readonly string[]): void {
  if (networks.length + endpoints.length === 0) return;
  const users = [
    ...networks.slice(0, MAX_USERS).map((name) => `network ${name}`),
    ...endpoints.slice(0, MAX_USERS).map((name) => `endpoint ${name}`),
  ].slice(0, MAX_USERS);
  const rest = networks.length + endpoints.length - users.length;
  throw new ConflictError(
    `cannot remove profile ${profile}: it is in use by ${users.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}; take it from them first, or use --no-check, which leaves them denied everything it allowed`,
  );
}

const MAX_USERS = 5;

/** What the kernel would not be given: such a rule is refused, rather than kept without effect. */
function refuseUnenforceable(rules: readonly Rule[]): void {
  for (const rule of rules) {
    if (rule.source.set === undefined && rule.destination.set === undefined) continue;
    throw new InvalidRequestError(
      `cannot use the rule "${formatRule(rule)}": this version does not enforce network sets yet; name a tag, a selector or a CIDR instead`,
    );
  }
}
