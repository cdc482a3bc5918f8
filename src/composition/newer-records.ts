import { EndpointRecord } from '../model/endpoint.js';
import { ConflictError } from '../model/errors.js';
import type { NodeName } from '../model/ids.js';
import { NodeNetworkRecord } from '../model/network.js';
import { NodeRecord } from '../model/node.js';
import { newerFormOf } from '../model/record.js';
import type { NamedStore } from './migrate.js';
import { VERSION } from './version.js';

/**
 * After a downgrade over a change of the records' form, this node's own networks and endpoints would look absent, and its
 * running containers be denied everything. Without a daemon they keep what the newer one gave them.
 *
 * @throws ConflictError if a newer program wrote records of this node
 */
export async function requireReadable({ name, store }: NamedStore, node: NodeName): Promise<void> {
  const prefixes = [NodeNetworkRecord.prefix, EndpointRecord.prefix].map((prefix) => `${prefix}${node}/`);
  const [own, ...lists] = await Promise.all([
    store.get(NodeRecord.key(node)),
    ...prefixes.map((prefix) => store.list(prefix)),
  ]);
  const records = [...(own === undefined ? [] : [own]), ...lists.flatMap(({ items }) => items)];
  const newer = records.flatMap(({ value }) => newerFormOf(value) ?? []);
  if (newer.length === 0) return;
  throw new ConflictError(
    `a newer version of corduroy wrote ${newer.length} of this host's ${records.length} records in ${name} (${newer[0]}), and this is ${VERSION}, which cannot read them; install that version again: containers keep connectivity and policy meanwhile`,
  );
}
