import type { FollowUpdate, StoredValue } from '../effects/datastore.js';
import { kindPrefixOf } from '../model/record.js';

const NONE: readonly StoredValue[] = [];

/**
 * What the tables of each kind are given, by the kind's prefix: of a snapshot's part its own records alone, so that not
 * every table looks at those of all others.
 */
export function partsByKind(update: FollowUpdate): (prefix: string) => FollowUpdate {
  if (update.kind === 'changes') return () => update;
  const items = new Map<string, StoredValue[]>();
  for (const item of update.items) {
    const prefix = kindPrefixOf(item.key);
    const ofKind = items.get(prefix);
    if (ofKind === undefined) items.set(prefix, [item]);
    else ofKind.push(item);
  }
  return (prefix) => ({ ...update, items: items.get(prefix) ?? NONE });
}
