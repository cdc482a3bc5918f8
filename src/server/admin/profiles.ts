import { z } from 'zod';
import { ABSENT } from '../../effects/datastore.js';
import { ConflictError } from '../../model/errors.js';
import { filtered } from '../../model/filtered.js';
import { parseProfileName, parseTagName } from '../../model/ids.js';
import { defaultProfile, ProfileRecord, profileKey } from '../../model/profile.js';
import { parsed } from '../../model/record.js';
import { change } from './change.js';
import { editProfile, findProfile } from './edit-profile.js';
import { effectiveProfiles } from './endpoint-view.js';
import { addTag, refuseInUse, removeTag } from './profile-edits.js';
import { profileRuleRoutes } from './profile-rules.js';
import { countByProfile, networksOf, profileParams, profileView, viewProfile } from './profile-view.js';
import { changeReply, route } from './route.js';

const oneTag = profileParams.extend({ tag: parsed(parseTagName) });
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
    body: z.strictObject({ name: parsed(parseProfileName) }),
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
    params: profileParams,
    response: profileView,
    handle: ({ store }, { params }) => viewProfile(store, findProfile(store, params.profile).value),
  }),
  route({
    method: 'delete',
    path: '/profiles/:profile',
    tag: 'profiles',
    summary: 'Remove a profile that nothing uses',
    params: profileParams,
    query: z.strictObject({
      check: z.enum(['true', 'false']).optional().describe('false: remove it even from what uses it'),
    }),
    response: changeReply,
    handle: (context, { params: { profile }, query }) =>
      change(context, () => {
        const { store } = context;
        const { revision } = findProfile(store, profile);
        if (query.check !== 'false') {
          const users = [
            ...filtered(store.endpoints.values(), ({ value }) => effectiveProfiles(store, value).includes(profile)),
          ];
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
  ...profileRuleRoutes,
  route({
    method: 'put',
    path: '/profiles/:profile/tags/:tag',
    tag: 'profiles',
    summary: 'Add a tag',
    params: oneTag,
    response: changeReply,
    handle: (context, { params }) => editProfile(context, params.profile, (profile) => addTag(profile, params.tag)),
  }),
  route({
    method: 'delete',
    path: '/profiles/:profile/tags/:tag',
    tag: 'profiles',
    summary: 'Remove a tag',
    params: oneTag,
    response: changeReply,
    handle: (context, { params }) => editProfile(context, params.profile, (profile) => removeTag(profile, params.tag)),
  }),
  route({
    method: 'put',
    path: '/profiles/:profile/mode',
    tag: 'profiles',
    summary: 'Enforce the rules, or only count and log what they would drop',
    params: profileParams,
    body: z.strictObject({ mode: z.enum(['enforce', 'audit']) }),
    response: changeReply,
    handle: (context, { params, body: { mode } }) =>
      editProfile(context, params.profile, (profile) =>
        profile.mode === mode
          ? { profile, message: `profile ${profile.name} is in mode ${mode} already` }
          : { profile: { ...profile, mode }, message: `profile ${profile.name} is now in mode ${mode}` },
      ),
  }),
];
