import type { IpSetCommand, ReadIpSet } from '../src/effects/ip-sets.js';
import type { IpSet, IpSetName } from '../src/model/ip-set.js';

/** What makes the kernel's sets of ours equal to the desired ones, in two halves around the chains that use them. */
export interface SetDiff {
  /** Before rules are written: sets and members that they need. */
  readonly before: readonly IpSetCommand[];
  /** After rules are written: members that nothing needs any more. */
  readonly after: readonly IpSetCommand[];
  /** Sets that nothing needs any more. */
  readonly surplus: readonly IpSetName[];
  /** One sentence for each set that was not as desired, by name. */
  readonly findings: ReadonlyMap<string, string>;
}

export function diffSets(desired: readonly IpSet[], actual: readonly ReadIpSet[]): SetDiff {
  const before: IpSetCommand[] = [];
  const after: IpSetCommand[] = [];
  const findings = new Map<string, string>();
  const present = new Map(actual.map((set) => [set.name, set]));
  for (const set of desired) {
    let found = present.get(set.name);
    present.delete(set.name);
    if (found !== undefined && (found.type !== set.type || found.family !== set.family)) {
      // The kernel refuses this while a rule uses the set; a set of a wrong type cannot be in use by a rule of ours.
      before.push({ kind: 'destroy', name: set.name });
      findings.set(set.name, `was of type ${found.type}`);
      found = undefined;
    } else if (found === undefined) {
      findings.set(set.name, 'was missing');
    }
    if (found === undefined) before.push({ kind: 'create', set });
    const members = found?.members ?? new Set<string>();
    const missing = [...set.members].filter((member) => !members.has(member));
    const surplus = [...(found?.members ?? [])].filter((member) => !set.members.has(member));
    for (const member of missing) before.push({ kind: 'add', name: set.name, member });
    for (const member of surplus) after.push({ kind: 'remove', name: set.name, member });
    if (missing.length + surplus.length > 0 && !findings.has(set.name)) {
      findings.set(set.name, `lacked ${missing.length} members and had ${surplus.length} that it should not`);
    }
  }
  const surplus = [...present.keys()];
  for (const name of surplus) findings.set(name, 'should not be');
  return { before, after, surplus, findings };
}
