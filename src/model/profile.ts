import { z } from 'zod';
import { type ProfileName, parseProfileName, parseTagName, type TagName } from './ids.js';
import { defineRecord, parsed } from './record.js';
import type { Rule } from './rule.js';
import { formatRule, parseRule } from './rule-grammar.js';

/** Tags and ordered rules that endpoints bear. */
export interface Profile {
  readonly name: ProfileName;
  /** Unique; a new profile has the tag of its own name. */
  readonly tags: readonly TagName[];
  readonly inbound: readonly Rule[];
  readonly outbound: readonly Rule[];
  /** `audit`: what would be dropped is counted and logged, and passes. */
  readonly mode: 'enforce' | 'audit';
}

const schema: z.ZodType<Profile> = z.object({
  name: parsed(parseProfileName),
  tags: z.array(parsed(parseTagName)),
  inbound: z.array(parsed(parseRule)),
  outbound: z.array(parsed(parseRule)),
  mode: z.enum(['enforce', 'audit']),
});

/** Rules are stored as their canonical texts. */
export const ProfileRecord = defineRecord('Profile', schema, {
  toStored: (profile) => ({
    ...profile,
    inbound: profile.inbound.map(formatRule),
    outbound: profile.outbound.map(formatRule),
  }),
});
export const profileKey = (name: ProfileName): string => ProfileRecord.key(name);

/** What a network, or `profile add`, starts with: its members reach one another, and they reach everything. */
export function defaultProfile(name: ProfileName): Profile {
  return {
    name,
    tags: [parseTagName(name)],
    inbound: [parseRule(`allow from tag ${name}`)],
    outbound: [parseRule('allow')],
    mode: 'enforce',
  };
}
