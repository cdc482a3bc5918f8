import type { FollowUpdate, StoredValue, WatchUpdate } from '../effects/datastore.js';

/** Joins the parts of each snapshot: what makes a watch of following one prefix. */
export function wholeSnapshots(listener: (update: WatchUpdate) => void): (update: FollowUpdate) => void {
  let items: StoredValue[] = [];
  return (update) => {
    if (update.kind === 'changes') {
      listener(update);
      return;
    }
    items = update.first ? [...update.items] : items.concat(update.items);
    if (!update.last) return;
    const snapshot = items;
    items = [];
    listener({ kind: 'snapshot', items: snapshot, revision: update.revision });
  };
}
