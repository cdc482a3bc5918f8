import { z } from 'zod';
import type { ClusterView } from '../../effects/cluster-view.js';
import { ABSENT } from '../../effects/datastore.js';
import { ConflictError, InvalidRequestError } from '../../model/errors.js';
import { type NetworkName, type ProfileName, parseProfileName, parseTagName } from '../../model/ids.js';
import { defaultProfile, type Profile, ProfileRecord, profileKey } from '../../model/profile.js';
import { parsed } from '../../model/record.js';
import { formatRule, parseRule } from '../../model/rule-grammar.js';
import { MAX_RULES, rulesFromJson, rulesToJson } from '../../model/rule-json.js';
import type { AdminContext } from './admin-context.js';
import { change } from './change.js';
import { countEndpoints } from './endpoint-counts.js';
import { effectiveProfiles } from './endpoint-view.js';
import { notFound } from './not-found.js';
import { addRule, addTag, type Edited, refuseInUse, removeRule, removeTag, replaceRules } from './profile-edits.js';
import { type ChangeReply, changeReply, route } from './route.js';

const profileView = z
  .strictObject({
    name: z.string(),
    mode: z.enum(['enforce', 'audit']),
    tags: z.array(z.string()),
    inbound: z.array(z.string()).describe('Rules in order; the first that matches decides'),
    outbound: z.array(z.string()),
    networks: z.array(z.string()).describe('Networks whose endpoints bear it'),
    endpoints: z.int().describe('Endpoints that bear it'),
  })
  .meta({ id: 'Profile' });

const networksOf = (view: ClusterView, name: ProfileName): readonly NetworkName[] =>
  [...view.networks.values()]
    .filter(({ value: { name: network, options } }) =>
      options.profiles.length > 0 ? options.profiles.includes(name) : (network as string) === name,
    )
    .map(({ value }) => value.name);

const countByProfile = (view: ClusterView) =>
  countEndpoints<ProfileName>(view, (endpoint) => [...new Set(effectiveProfiles(view, endpoint))]);

function viewProfile(view: ClusterView, profile: Profile, endpointsOf = countByProfile(view)) {
  const { name, mode, tags, inbound, outbound } = profile;
  return {
    name,
    mode,
    tags: [...tags],
    inbound: inbound.map(formatRule),
    outbound: outbound.map(formatRule),
    networks: networksOf(view, name).toSorted((one, other) => (one < other ? -1 : 1)),
    endpoints: endpointsOf(name),
  };
}

function find(view: ClusterView, name: ProfileName) {
  const found = view.profiles.get(name);
  if (found === undefined) throw notFound('profile', name, [...view.profiles.keys()]);
  return found;
}

const edit = (context: AdminContext, name: ProfileName, make: (profile: Profile) => Edited): Promise<ChangeReply> =>
  change(context, () => {
    const { value, revision } = find(context.store, name);
    const { profile, message } = make(value);
    if (profile === value) return { message, compares: [], writes: [] };
    const key = profileKey(name);
    return {
      message,
      compares: [{ key, revision }],
      writes: [{ kind: 'put', key, value: ProfileRecord.encode(profile) }],
    };
  });

const name = parsed(parseProfileName);
const rule = parsed(parseRule);
const params = z.object({ profile: name });

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
const direction = z.enum(['inbound', 'outbound']);
const position = z.coerce.number().int().min(1, 'positions are counted from 1; see "profile NAME rule show"');
const byName = (one: { name: string }, other: { name: string }): number => (one.name < other.name ? -1 : 1);

export const profileRoutes = [
  route({
    method: 'get',
    path: '/profiles',
    tag: 'profiles',
    summary: 'Every profile, by name',
    response: z.array(profileView),
    handle: ({ store }) => {
      const endpointsOf = countByProfile(store);
      return [...store.profiles.values()].map(({ value }) => viewProfile(store, value, endpointsOf)).sort(byName);
    },
  }),
  route({
    method: 'post',
    path: '/profiles',
    tag: 'profiles',
    summary: 'Add a profile: its own tag, inbound from that tag, outbound everything',
    body: z.strictObject({ name }),
    response: changeReply,
    handle: (context, { body }) =>
      change(context, () => {
        if (context.store.profiles.has(body.name)) {
          throw new ConflictError(
            `there is a profile ${body.name} already; see "corduroy profile ${body.name} rule show", or choose another name`,
          );
        }
        const key = profileKey(body.name);
        return {
          message: `added profile ${body.name}`,
          compares: [{ key, revision: ABSENT }],
          writes: [{ kind: 'put', key, value: ProfileRecord.encode(defaultProfile(body.name)) }],
        };
      }),
  }),
  route({
    method: 'get',
    path: '/profiles/:profile',
    tag: 'profiles',
    summary: 'One profile',
    params,
    response: profileView,
    handle: ({ store }, { params }) => viewProfile(store, find(store, params.profile).value),
  }),
  route({
    method: 'delete',
    path: '/profiles/:profile',
    tag: 'profiles',
    summary: 'Remove a profile that nothing uses',
    params,
    query: z.strictObject({
      check: z.enum(['true', 'false']).optional().describe('false: remove it even from what uses it'),
    }),
    response: changeReply,
    handle: (context, { params: { profile }, query }) =>
      change(context, () => {
        const { store } = context;
        const { revision } = find(store, profile);
        if (query.check !== 'false') {
          const users = [...store.endpoints.values()].filter(({ value }) =>
            effectiveProfiles(store, value).includes(profile),
          );
          const endpoints = users.map(({ value }) => value.container?.name ?? value.id.slice(0, 12));
          refuseInUse(profile, networksOf(store, profile), endpoints);
        }
        const key = profileKey(profile);
        return {
          message: `removed profile ${profile}`,
          compares: [{ key, revision }],
          writes: [{ kind: 'delete', key }],
        };
      }),
  }),
  route({
    method: 'put',
    path: '/profiles/:profile/rules',
    tag: 'profiles',
    summary: 'Replace rules at once; a direction that is left out stays',
    params,
    body: newRules,
    response: changeReply,
    handle: (context, { params, body }) => {
      const rules = readRules(body);
      return edit(context, params.profile, (profile) => replaceRules(profile, rules));
    },
  }),
  route({
    method: 'get',
    path: '/profiles/:profile/rules',
    tag: 'profiles',
    summary: "A profile's rules in calicoctl's JSON",
    params,
    response: z.strictObject({ id: z.string(), inbound_rules: z.array(ruleJson), outbound_rules: z.array(ruleJson) }),
    handle: ({ store }, { params }) => {
      const { id, inbound_rules, outbound_rules } = rulesToJson(find(store, params.profile).value);
      return { id, inbound_rules: [...inbound_rules], outbound_rules: [...outbound_rules] };
    },
  }),
  route({
    method: 'post',
    path: '/profiles/:profile/rules/:direction',
    tag: 'profiles',
    summary: 'Add a rule, at a position or at the end',
    params: params.extend({ direction }),
    body: z.strictObject({ rule, at: position.optional() }),
    response: changeReply,
    handle: (context, { params, body }) =>
      edit(context, params.profile, (profile) => addRule(profile, params.direction, body.rule, body.at)),
  }),
  route({
    method: 'delete',
    path: '/profiles/:profile/rules/:direction',
    tag: 'profiles',
    summary: 'Remove a rule, by position or by its text',
    params: params.extend({ direction }),
    query: z.strictObject({ at: position.optional(), rule: rule.optional() }),
    response: changeReply,
    handle: (context, { params, query: { at, rule } }) => {
      const which = at ?? rule;
      if (which === undefined || (at !== undefined && rule !== undefined)) {
        throw new InvalidRequestError('it is not clear which rule to remove; give either its position or its text');
      }
      return edit(context, params.profile, (profile) => removeRule(profile, params.direction, which));
    },
  }),
  route({
    method: 'put',
    path: '/profiles/:profile/tags/:tag',
    tag: 'profiles',
    summary: 'Add a tag',
    params: params.extend({ tag: parsed(parseTagName) }),
    response: changeReply,
    handle: (context, { params }) => edit(context, params.profile, (profile) => addTag(profile, params.tag)),
  }),
  route({
    method: 'delete',
    path: '/profiles/:profile/tags/:tag',
    tag: 'profiles',
    summary: 'Remove a tag',
    params: params.extend({ tag: parsed(parseTagName) }),
    response: changeReply,
    handle: (context, { params }) => edit(context, params.profile, (profile) => removeTag(profile, params.tag)),
  }),
  route({
    method: 'put',
    path: '/profiles/:profile/mode',
    tag: 'profiles',
    summary: 'Enforce the rules, or only count and log what they would drop',
    params,
    body: z.strictObject({ mode: z.enum(['enforce', 'audit']) }),
    response: changeReply,
    handle: (context, { params, body: { mode } }) =>
      edit(context, params.profile, (profile) =>
        profile.mode === mode
          ? { profile, message: `profile ${profile.name} is in mode ${mode} already` }
          : { profile: { ...profile, mode }, message: `profile ${profile.name} is now in mode ${mode}` },
      ),
  }),
];
