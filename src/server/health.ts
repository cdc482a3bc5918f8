import type { DataplaneStatusSource } from '../effects/dataplane-status.js';
import type { Datastore } from '../effects/datastore.js';

export interface Health {
  readonly ready: boolean;
  /** Why not: one sentence for each reason. */
  readonly problems: readonly string[];
}

/** Ready: new containers would get their network. Containers that run keep theirs in either case. */
export function readiness(sources: {
  readonly datastore: Pick<Datastore, 'health'>;
  readonly dataplaneStatus: DataplaneStatusSource;
}): Health {
  const problems: string[] = [];
  const datastore = sources.datastore.health();
  if (datastore.kind === 'unavailable') {
    problems.push(`the datastore has not answered since ${datastore.since.toISOString()}: ${datastore.reason}`);
  }
  const { synced, problem } = sources.dataplaneStatus.status();
  if (!synced) problems.push(`the kernel is not as it should be: ${problem ?? 'the first comparison is not done'}`);
  return { ready: problems.length === 0, problems };
}
