import { hostname } from 'node:os';
import type { Datastore } from '../effects/datastore.js';
import type { Logger } from '../effects/logger.js';
import { systemClock } from '../infrastructure/system-clock.js';
import type { Node } from '../model/node.js';
import type { Closers } from './closers.js';
import { hostIdentity } from './host-identity.js';
import { NodeTenure } from './node-tenure.js';

/** Before anything of the node's records is changed: they may be another host's. @throws ConflictError */
export async function claimName(
  { name, ip }: Node,
  { datastore, closers, log }: { readonly datastore: Datastore; readonly closers: Closers; readonly log: Logger },
): Promise<void> {
  const { leases } = datastore;
  if (leases === undefined) return;
  const self = { node: name, host: hostIdentity(), hostName: hostname(), ip };
  const tenure = new NodeTenure({ datastore, leases, self, clock: systemClock, log });
  closers.add("the node's lease", () => tenure.close());
  await tenure.claim();
}
