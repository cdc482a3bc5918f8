import type { NodeName } from '../model/ids.js';

/** Whether a node's daemon lives. `unknown`: the datastore does not tell now. */
export type Liveness =
  | { readonly state: 'alive' | 'unknown' }
  /** `lastSeen`: ISO 8601, some minutes before its end at most; absent: never. */
  | { readonly state: 'gone'; readonly lastSeen?: string | undefined };

/** Asks the datastore each time; nothing is watched for it. */
export interface NodeLiveness {
  /** Never rejects. */
  of(nodes: Iterable<NodeName>): Promise<ReadonlyMap<NodeName, Liveness>>;
}
