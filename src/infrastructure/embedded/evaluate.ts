import {
  ABSENT,
  type Change,
  type Revision,
  type StoredValue,
  type Transaction,
  type TransactionOutcome,
} from '../../effects/datastore.js';
import { checkTransaction } from '../check-transaction.js';

export interface Evaluation {
  readonly outcome: TransactionOutcome;
  /** What it changes: empty after a conflict, and for deletions of absent keys alone. */
  readonly changes: readonly Change[];
}

/**
 * What a transaction does to a store at `revision`. As in etcd, the revision grows by one if anything changes, all
 * changes bear the new one, and deleting an absent key changes nothing.
 *
 * @throws InternalError for a transaction that etcd would refuse as malformed
 */
export function evaluate(
  transaction: Transaction,
  store: { readonly revision: Revision; get(key: string): StoredValue | undefined },
): Evaluation {
  checkTransaction(transaction);
  const { compares, writes } = transaction;
  if (compares.some(({ key, revision }) => (store.get(key)?.revision ?? ABSENT) !== revision)) {
    const keys = [...new Set(compares.map(({ key }) => key))];
    const current = keys.map((key) => store.get(key)).filter((value) => value !== undefined);
    return { outcome: { kind: 'conflict', current }, changes: [] };
  }
  const revision = (store.revision + 1) as Revision;
  const changes = writes
    .filter((write) => write.kind === 'put' || store.get(write.key) !== undefined)
    .map((write): Change => ({ ...write, revision }));
  return { outcome: { kind: 'committed', revision: changes.length > 0 ? revision : store.revision }, changes };
}
