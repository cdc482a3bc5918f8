import { assertNever } from '../src/model/assert-never.js';
import type { Chain, FilterRule, Target } from '../src/model/chain.js';
import type { TagName } from '../src/model/ids.js';
import type { IpFamily } from '../src/model/ip-address.js';
import type { Profile } from '../src/model/profile.js';
import type { Rule } from '../src/model/rule.js';
import { chain, inboundChain, outboundChain } from './chain-names.js';
import { compileRule } from './match.js';
import { DROP, goto, RETURN } from './matches.js';

/** Longest prefix of a LOG line, in bytes: the 30 of struct xt_log_info less the final NUL. */
const MAX_LOG_PREFIX_LENGTH = 29;
/** What one log rule writes at most, so that no container can flood the host's log. */
const LOG_LIMIT = { kind: 'limit', perMinute: 300, burst: 60 } as const;

/**
 * The profile's two chains. A packet leaves them allowed (marked), dropped, or undecided (unmarked): then the
 * endpoint's next profile is asked.
 */
export const compileProfile = (profile: Profile, family: IpFamily): readonly Chain[] => [
  { table: 'mangle', name: inboundChain(profile.name), rules: compileRules(profile, 'inbound', family) },
  { table: 'mangle', name: outboundChain(profile.name), rules: compileRules(profile, 'outbound', family) },
];

function compileRules(profile: Profile, direction: 'inbound' | 'outbound', family: IpFamily): readonly FilterRule[] {
  return profile[direction].flatMap((rule) => {
    const rules = compileRule(rule, family, targetOf(rule, profile, direction), deniedBy(profile));
    return rule.action === 'log' ? rules.map((r) => ({ ...r, matches: [...r.matches, LOG_LIMIT] })) : rules;
  });
}

function targetOf({ action }: Rule, profile: Profile, direction: 'inbound' | 'outbound'): Target {
  switch (action) {
    case 'allow':
      return goto(chain('accept'));
    case 'deny':
      return deniedBy(profile);
    case 'pass':
      return RETURN;
    case 'log':
      return { kind: 'log', prefix: logPrefix(`${direction === 'inbound' ? 'in' : 'out'} ${profile.name}`) };
    default:
      return assertNever(action);
  }
}

const deniedBy = ({ mode }: Profile): Target => (mode === 'audit' ? goto(chain('audit')) : DROP);

const logPrefix = (text: string): string => `cord: ${text}`.slice(0, MAX_LOG_PREFIX_LENGTH - 1).concat(' ');

/** Tags whose sets the profile's chains look up: unique. */
export function tagsReferredTo(profile: Profile): ReadonlySet<TagName> {
  const tags = [...profile.inbound, ...profile.outbound].flatMap((rule) => [rule.source.tag, rule.destination.tag]);
  return new Set(tags.flatMap((tag) => (tag === undefined ? [] : [tag.value])));
}
