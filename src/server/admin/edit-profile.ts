import type { ClusterView, Versioned } from '../../effects/cluster-view.js';
import type { ProfileName } from '../../model/ids.js';
import { type Profile, ProfileRecord, profileKey } from '../../model/profile.js';
import type { AdminContext } from './admin-context.js';
import { change } from './change.js';
import { notFound } from './not-found.js';
import type { Edited } from './profile-edits.js';
import type { ChangeReply } from './route.js';

/** @throws NotFoundError, with the names that there are */
export function findProfile(view: ClusterView, name: ProfileName): Versioned<Profile> {
  const found = view.profiles.get(name);
  if (found === undefined) throw notFound('profile', name, [...view.profiles.keys()]);
  return found;
}

/** One transaction, of the profile as it is then; none if `make` returns the same one. */
export const editProfile = (
  context: AdminContext,
  name: ProfileName,
  make: (profile: Profile) => Edited,
): Promise<ChangeReply> =>
  change(context, () => {
    const { value, revision } = findProfile(context.store, name);
    const { profile, message } = make(value);
    if (profile === value) return { message, compares: [], writes: [] };
    const key = profileKey(name);
    return {
      message,
      compares: [{ key, revision }],
      writes: [{ kind: 'put', key, value: ProfileRecord.encode(profile) }],
    };
  });
