import type { Transaction } from '../effects/datastore.js';
import { InternalError } from '../model/errors.js';

/** Most compares, and most writes, of one transaction: etcd's `--max-txn-ops` unless its operator raised it. */
export const MAX_OPERATIONS = 128;

/**
 * What etcd refuses no store takes, so that a mistake shows on one host already.
 *
 * @throws InternalError if a key is written twice, or there are more than MAX_OPERATIONS compares or writes
 */
export function checkTransaction({ compares, writes }: Transaction): void {
  const keys = new Set<string>();
  for (const { key } of writes) {
    if (keys.has(key)) throw mistake(`writes ${key} twice`);
    keys.add(key);
  }
  if (Math.max(compares.length, writes.length) > MAX_OPERATIONS) {
    throw mistake(
      `has ${compares.length} compares and ${writes.length} writes, and etcd takes ${MAX_OPERATIONS} of each`,
    );
  }
}

const mistake = (what: string): InternalError =>
  new InternalError(`a datastore transaction ${what}: this is a mistake in corduroy, please report it`);
