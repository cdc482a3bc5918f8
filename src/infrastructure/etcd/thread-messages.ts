/** What the daemon's thread and the one that speaks to etcd tell each other. */
import type { Datastore, DatastoreHealth, FollowUpdate } from '../../effects/datastore.js';
import type { Leases } from '../../effects/leases.js';
import type { Logger } from '../../effects/logger.js';
import type { EtcdCredentials } from './etcd-config.js';

/** What can be asked with one answer each. */
export interface EtcdCalls extends Pick<Datastore, 'get' | 'list' | 'transact'>, Omit<Leases, 'transact'> {
  /** Resolves after etcd was asked for the first time, whatever came of it. */
  asked(): Promise<void>;
  transactLeased: Leases['transact'];
}

/** Given to the thread when it begins. */
export interface ThreadBeginning {
  readonly endpoints: readonly string[];
  readonly credentials: EtcdCredentials;
  readonly deadlineMs?: number | undefined;
  readonly probeMs?: number | undefined;
}

/** To the thread; `id` is the sender's own count. */
export type ThreadRequest =
  | { readonly kind: 'call'; readonly id: number; readonly method: keyof EtcdCalls; readonly words: readonly unknown[] }
  | { readonly kind: 'follow'; readonly id: number; readonly prefixes: readonly string[] }
  /** A part of a snapshot was taken in: another may come. */
  | { readonly kind: 'taken'; readonly id: number }
  | { readonly kind: 'unfollow'; readonly id: number }
  /** Closes the store; the thread ends. */
  | { readonly kind: 'close' };

export type LogLevel = Exclude<keyof Logger, 'child'>;

/** From the thread; `id` is that of the request. */
export type ThreadReply =
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  /** `unavailable`: a DatastoreUnavailableError, else a mistake of ours. */
  | { readonly kind: 'failure'; readonly id: number; readonly unavailable: boolean; readonly message: string }
  | { readonly kind: 'update'; readonly id: number; readonly update: FollowUpdate }
  | { readonly kind: 'health'; readonly health: DatastoreHealth }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly fields: object; readonly message: string };
