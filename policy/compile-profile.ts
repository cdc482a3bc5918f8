import { assertNever } from '../src/model/assert-never.js';
import type { Chain, FilterRule, Target } from '../src/model/chain.js';
import type { TagName } from '../src/model/ids.js';
import type { IpFamily } from '../src/model/ip-address.js';
import type { Profile } from '../src/model/profile.js';
import type { Rule } from '../src/model/rule.js';
import { chain, inboundChain, outboundChain } from './chain-names.js';
import { compileRule } from './match.js';
import { DROP, goto, RETURN, setMark } from './matches.js';

/** Longest prefix of a LOG line, in bytes: the 30 of struct xt_log_info less the final NUL. */
const MAX_LOG_PREFIX_LENGTH = 29;
/** What one log rule writes at most, so that no container can flood the host's log. */
const LOG_LIMIT = { kind: 'limit', perMinute: 300, burst: 60 } as const;

/**
 * The profile's two chains. A packet leaves them allowed (marked), dropped, or undecided (unmarked): then the
 * endpoint's next profile is asked.
 */
export const compileProfile = (profile: Profile, family: IpFamily, acceptMark: number): readonly Chain[] =>
  (['inbound', 'outbound'] as const).map((direction) => ({
    table: 'mangle',
    name: direction === 'inbound' ? inboundChain(profile.name) : outboundChain(profile.name),
    rules: endingWithMark(compileRules(profile, direction, family), acceptMark),
  }));

/**
 * After the last rule there is nothing to leave out, so that it need not go elsewhere to mark: the kernel follows every
 * way through an endpoint's chains whenever rules are added, and this is one step less for each.
 */
function endingWithMark(rules: readonly FilterRule[], acceptMark: number): readonly FilterRule[] {
  const last = rules.at(-1);
  if (last?.target.kind !== 'goto' || last.target.chain !== chain('accept')) return rules;
  return [...rules.slice(0, -1), { ...last, target: setMark(acceptMark) }];
}

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
