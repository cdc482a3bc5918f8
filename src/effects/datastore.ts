import type { Brand } from '../model/brand.js';
import type { Leases } from './leases.js';

/** The store's count of writes: grows with each transaction; 0 stands for a key that is absent. Survives restarts. */
export type Revision = Brand<number, 'Revision'>;
export const ABSENT = 0 as Revision;

/** A key's text as it is stored. */
export interface StoredValue {
  readonly key: string;
  readonly value: string;
  /** Revision of the transaction that last wrote the key. */
  readonly revision: Revision;
}

/** All keys with one beginning, as they were at one moment. */
export interface Listing {
  /** Sorted by key. */
  readonly items: readonly StoredValue[];
  /** The listing shows the store as of this revision. */
  readonly revision: Revision;
}

/** The key's revision must be this one: ABSENT for a key that must not exist. */
export interface Compare {
  readonly key: string;
  readonly revision: Revision;
}

/** What a transaction does to one key. */
export type Write =
  | { readonly kind: 'put'; readonly key: string; readonly value: string }
  | { readonly kind: 'delete'; readonly key: string };

/** All compares hold and all writes happen, or nothing happens. Each key is written at most once. */
export interface Transaction {
  readonly compares: readonly Compare[];
  readonly writes: readonly Write[];
}

export type TransactionOutcome =
  | { readonly kind: 'committed'; readonly revision: Revision }
  /** A compare failed and nothing was written. `current`: the compared keys as they are now, without absent ones. */
  | { readonly kind: 'conflict'; readonly current: readonly StoredValue[] };

/** One key's change, as a watch tells it. */
export type Change =
  | { readonly kind: 'put'; readonly key: string; readonly value: string; readonly revision: Revision }
  | { readonly kind: 'delete'; readonly key: string; readonly revision: Revision };

/**
 * What a watch tells, in order. It begins with a snapshot; a new one follows whenever changes may have been missed
 * (compaction, reconnection, a restart of the store), and it replaces all that was told before.
 */
export type WatchUpdate =
  | { readonly kind: 'snapshot'; readonly items: readonly StoredValue[]; readonly revision: Revision }
  | { readonly kind: 'changes'; readonly changes: readonly Change[]; readonly revision: Revision };

/**
 * What following tells, in order: the store as it was at one revision, in parts, and then the changes of one or more
 * whole transactions at a time. A new snapshot follows as a watch's does.
 */
export type FollowUpdate =
  /**
   * `first` begins a snapshot; one before it that was not finished counts no more. `last` ends it: what was in none of
   * its parts does not exist.
   */
  | {
      readonly kind: 'part';
      readonly items: readonly StoredValue[];
      readonly revision: Revision;
      readonly first: boolean;
      readonly last: boolean;
    }
  | { readonly kind: 'changes'; readonly changes: readonly Change[]; readonly revision: Revision };

/** A watch that is under way. */
export interface Watch {
  /** No update is delivered after this resolves. */
  close(): Promise<void>;
}

/**
 * Keys and texts under `/corduroy/v1/`. Two implementations (embedded, etcd) pass one contract suite.
 *
 * Every call ends within its deadline (1.5 s by default): with a result, or with DatastoreUnavailableError. After such
 * an error a transaction may or may not have been committed; the caller reads again or writes idempotently.
 */
export interface Datastore {
  get(key: string): Promise<StoredValue | undefined>;
  list(prefix: string): Promise<Listing>;
  /** Durable when it resolves. Transactions that are in flight together may share one commit. */
  transact(transaction: Transaction): Promise<TransactionOutcome>;
  /** Never throws for an unavailable store: it keeps trying, and a snapshot comes when it is back. */
  watch(prefix: string, listener: (update: WatchUpdate) => void): Watch;
  /**
   * As `watch`, for several prefixes at once, none of which is the beginning of another, and for more records than
   * should be held, or taken in, in one go. What a transaction writes under them is told together.
   */
  follow(prefixes: readonly string[], listener: (update: FollowUpdate) => void): Watch;
  /** Absent: a store of one host, where no record has to end with a daemon. */
  readonly leases?: Leases;
  /** 'connected', or why not: for status and readiness. Never touches the store. */
  health(): DatastoreHealth;
  close(): Promise<void>;
}

export type DatastoreHealth =
  | { readonly kind: 'connected' }
  | { readonly kind: 'unavailable'; readonly reason: string; readonly since: Date };
