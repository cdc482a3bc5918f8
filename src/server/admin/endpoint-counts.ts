import type { ClusterView } from '../../effects/cluster-view.js';
import type { Endpoint } from '../../model/endpoint.js';

/** How many endpoints of the cluster go by each name: one look at all of them serves a whole list. */
export function countEndpoints<Name>(
  { endpoints }: Pick<ClusterView, 'endpoints'>,
  namesOf: (endpoint: Endpoint) => readonly (Name | undefined)[],
): (name: Name) => number {
  const counts = new Map<Name, number>();
  for (const { value } of endpoints.values()) {
    for (const name of namesOf(value)) if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return (name) => counts.get(name) ?? 0;
}
