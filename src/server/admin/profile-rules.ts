import { z } from 'zod';
import { InvalidRequestError } from '../../model/errors.js';
import { parsed } from '../../model/record.js';
import { parseRule } from '../../model/rule-grammar.js';
import { MAX_RULES, rulesFromJson, rulesToJson } from '../../model/rule-json.js';
import { editProfile, findProfile } from './edit-profile.js';
import { addRule, removeRule, replaceRules } from './profile-edits.js';
import { profileParams } from './profile-view.js';
import { changeReply, route } from './route.js';

const ruleJson = z
  .record(z.string(), z.union([z.string(), z.number(), z.array(z.union([z.string(), z.number()]))]))
  .describe('action, protocol, src_tag, src_selector, src_net, src_ports, dst_..., icmp_type, icmp_code; "!" negates');
const listOf = <T extends z.ZodType>(item: T) => z.array(item).max(MAX_RULES).optional();
/** Rules in our texts or in calicoctl's JSON, one form in one request. */
const newRules = z.strictObject({
  inbound: listOf(z.string()).describe('Rules as texts'),
  outbound: listOf(z.string()),
  id: z.string().optional().describe('As calicoctl writes it; not looked at'),
  // What is wrong with one is told with its number and its key, by those who read them.
  inbound_rules: listOf(z.unknown()).describe("Rules in calicoctl's JSON, or texts"),
  outbound_rules: listOf(z.unknown()),
});

function readRules({ inbound, outbound, ...json }: z.infer<typeof newRules>): ReturnType<typeof rulesFromJson> {
  if (inbound === undefined && outbound === undefined) return rulesFromJson(json);
  if (json.inbound_rules === undefined && json.outbound_rules === undefined) {
    return rulesFromJson({ inbound_rules: inbound, outbound_rules: outbound });
  }
  throw new InvalidRequestError(
    'the rules are in two forms at once; give either "inbound" and "outbound", or "inbound_rules" and "outbound_rules"',
  );
}

const rule = parsed(parseRule);
const direction = z.enum(['inbound', 'outbound']);
const position = z.coerce.number().int().min(1, 'positions are counted from 1; see "profile NAME rule show"');
const oneDirection = profileParams.extend({ direction });

export const profileRuleRoutes = [
  route({
    method: 'put',
    path: '/profiles/:profile/rules',
    tag: 'profiles',
    summary: 'Replace rules at once; a direction that is left out stays',
    params: profileParams,
    body: newRules,
    response: changeReply,
    handle: (context, { params, body }) => {
      const rules = readRules(body);
      return editProfile(context, params.profile, (profile) => replaceRules(profile, rules));
    },
  }),
  route({
    method: 'get',
    path: '/profiles/:profile/rules',
    tag: 'profiles',
    summary: "A profile's rules in calicoctl's JSON",
    params: profileParams,
    response: z.strictObject({ id: z.string(), inbound_rules: z.array(ruleJson), outbound_rules: z.array(ruleJson) }),
    handle: ({ store }, { params }) => {
      const { id, inbound_rules, outbound_rules } = rulesToJson(findProfile(store, params.profile).value);
      return { id, inbound_rules: [...inbound_rules], outbound_rules: [...outbound_rules] };
    },
  }),
  route({
    method: 'post',
    path: '/profiles/:profile/rules/:direction',
    tag: 'profiles',
    summary: 'Add a rule, at a position or at the end',
    params: oneDirection,
    body: z.strictObject({ rule, at: position.optional() }),
    response: changeReply,
    handle: (context, { params, body }) =>
      editProfile(context, params.profile, (profile) => addRule(profile, params.direction, body.rule, body.at)),
  }),
  route({
    method: 'delete',
    path: '/profiles/:profile/rules/:direction',
    tag: 'profiles',
    summary: 'Remove a rule, by position or by its text',
    params: oneDirection,
    query: z.strictObject({ at: position.optional(), rule: rule.optional() }),
    response: changeReply,
    handle: (context, { params, query: { at, rule } }) => {
      const which = at ?? rule;
      if (which === undefined || (at !== undefined && rule !== undefined)) {
        throw new InvalidRequestError('it is not clear which rule to remove; give either its position or its text');
      }
      return editProfile(context, params.profile, (profile) => removeRule(profile, params.direction, which));
    },
  }),
];
