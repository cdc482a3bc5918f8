import { z } from 'zod';
import type { ClusterView } from '../../effects/cluster-view.js';
import { type NetworkName, type ProfileName, parseProfileName } from '../../model/ids.js';
import type { Profile } from '../../model/profile.js';
import { parsed } from '../../model/record.js';
import { formatRule } from '../../model/rule-grammar.js';
import { countEndpoints } from './endpoint-counts.js';
import { effectiveProfiles } from './endpoint-view.js';

/** In the paths of one profile's routes. */
export const profileParams = z.object({ profile: parsed(parseProfileName) });

export const profileView = z
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

/** Those whose endpoints bear the profile, unless they have others of their own. */
export const networksOf = (view: ClusterView, name: ProfileName): readonly NetworkName[] =>
  [...view.networks.values()]
    .filter(({ value: { name: network, options } }) =>
      options.profiles.length > 0 ? options.profiles.includes(name) : (network as string) === name,
    )
    .map(({ value }) => value.name);

/** Looks at every endpoint once; then answers for each profile. */
export const countByProfile = (view: ClusterView) =>
  countEndpoints<ProfileName>(view, (endpoint) => [...new Set(effectiveProfiles(view, endpoint))]);

export function viewProfile(view: ClusterView, profile: Profile, endpointsOf = countByProfile(view)) {
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
