import type { ProfileName, TagName } from './ids.js';
import type { Rule } from './rule.js';

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
