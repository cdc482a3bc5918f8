import type { Brand } from '../model/brand.js';
import type { Transaction, TransactionOutcome } from './datastore.js';

/** A store's promise to keep keys for as long as somebody renews it. */
export type LeaseId = Brand<string, 'LeaseId'>;

/** Keys that do not outlive whoever wrote them. Every call ends within the store's deadline. */
export interface Leases {
  /** @throws DatastoreUnavailableError, as the others */
  grant(ttlSeconds: number): Promise<LeaseId>;
  /** False: it ran out, and its keys are gone. */
  renew(lease: LeaseId): Promise<boolean>;
  /** Its keys are gone when this resolves. One that ran out is a success. */
  revoke(lease: LeaseId): Promise<void>;
  /** As `Datastore.transact`; what it puts goes with the lease. */
  transact(lease: LeaseId, transaction: Transaction): Promise<TransactionOutcome>;
}
