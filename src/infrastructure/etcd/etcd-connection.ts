import { Etcd3, type IDuplexStream, type IOptions, type IWatchRequest, type IWatchResponse } from 'etcd3';
import type { DatastoreHealth } from '../../effects/datastore.js';
import type { Logger } from '../../effects/logger.js';
import type { DatastoreUnavailableError } from '../../model/errors.js';
import { withDeadline } from '../deadline.js';
import type { EtcdCredentials } from './etcd-config.js';
import { etcdUnavailable, neverSent, reasonOf } from './etcd-errors.js';

export type WatchStream = IDuplexStream<IWatchRequest, IWatchResponse>;

export interface EtcdConnectionOptions {
  readonly endpoints: readonly string[];
  readonly credentials: EtcdCredentials;
  readonly deadlineMs: number;
  readonly log: Logger;
  readonly onHealth?: ((health: DatastoreHealth) => void) | undefined;
}

/** What etcd3 would do with an error, we do here: it retries past deadlines, and shuts a host out for seconds. */
const noPolicy = {
  _altReturn: undefined as never,
  onSuccess: () => ({ dispose: () => undefined }),
  onFailure: () => ({ dispose: () => undefined }),
  execute: async <T>(call: (context: { readonly signal: AbortSignal }) => PromiseLike<T> | T): Promise<T> =>
    call({ signal: NEVER_ABORTED }),
};
const NEVER_ABORTED = new AbortController().signal;

const GRPC_OPTIONS = {
  // A dead peer is found after 8 s. etcd counts pings more often than every 5 s as abuse and hangs up.
  'grpc.keepalive_time_ms': 6_000,
  'grpc.keepalive_timeout_ms': 2_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
  // Both take a tenth of a call's processor time: calls are repeated here by a rule of our own, and nobody reads channelz.
  'grpc.enable_retries': 0,
  'grpc.enable_channelz': 0,
} satisfies IOptions['grpcOptions'];

/**
 * Calls to whichever member answers: one is kept while it does, the next is taken when it fails. Every call ends within
 * the deadline, and tells whether etcd is there.
 */
export class EtcdConnection {
  readonly deadlineMs: number;
  readonly #options: EtcdConnectionOptions;
  readonly #clients: readonly Etcd3[];
  #current = 0;
  #outage: { readonly reason: string; readonly since: Date } | undefined;
  /** An outage was logged, and its end was not. */
  #failing: boolean;
  #closed: boolean;

  constructor(options: EtcdConnectionOptions) {
    this.#options = options;
    this.deadlineMs = options.deadlineMs;
    this.#outage = { reason: 'it was not asked yet', since: new Date() };
    this.#failing = false;
    this.#closed = false;
    this.#clients = options.endpoints.map((endpoint) => this.#clientOf(endpoint));
  }

  /**
   * @param again `ifNeverSent` for what must not happen twice, `always` for what may be repeated at another member
   * @param deadlineMs longer for what nobody waits for
   * @throws DatastoreUnavailableError
   */
  async call<T>(
    again: 'ifNeverSent' | 'always',
    what: (client: Etcd3, options: { readonly deadline: number }) => Promise<T>,
    deadlineMs = this.deadlineMs,
  ): Promise<T> {
    const deadline = Date.now() + deadlineMs;
    const asked = this.#current;
    try {
      const result = await withDeadline(
        this.#tryMembers(again, deadline, (client) => what(client, { deadline })),
        deadlineMs,
        () => new Error(`no answer within ${deadlineMs} ms`),
      );
      this.#recovered();
      return result;
    } catch (error) {
      if (this.#current === asked) this.#current = (asked + 1) % this.#clients.length;
      throw this.#fail(error);
    }
  }

  /** A stream at the member that answers now. It reports its end by 'error' or 'end', possibly never. */
  watchStream(): Promise<WatchStream> {
    return this.#member().watchClient.watch();
  }

  health(): DatastoreHealth {
    return this.#outage === undefined ? { kind: 'connected' } : { kind: 'unavailable', ...this.#outage };
  }

  close(): void {
    this.#closed = true;
    for (const client of this.#clients) client.close();
  }

  async #tryMembers<T>(
    again: 'ifNeverSent' | 'always',
    deadline: number,
    what: (client: Etcd3) => Promise<T>,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const asked = this.#current;
      try {
        return await what(this.#member());
      } catch (error) {
        if (this.#closed || attempt === this.#clients.length || Date.now() > deadline) throw error;
        if (again === 'ifNeverSent' && !neverSent(error)) throw error;
        if (this.#current === asked) this.#current = (asked + 1) % this.#clients.length;
      }
    }
  }

  #member(): Etcd3 {
    return this.#clients[this.#current] as Etcd3;
  }

  #clientOf(endpoint: string): Etcd3 {
    const { credentials, auth } = this.#options.credentials;
    const callOptions = () => ({ deadline: Date.now() + this.deadlineMs });
    return new Etcd3({
      hosts: [endpoint],
      faultHandling: { host: () => noPolicy, global: noPolicy },
      grpcOptions: GRPC_OPTIONS,
      ...(credentials && { credentials }),
      ...(auth && { auth: { ...auth, callOptions } }),
    });
  }

  #fail(error: unknown): DatastoreUnavailableError {
    const unavailable = etcdUnavailable(this.#options.endpoints, error);
    if (!this.#failing && !this.#closed)
      this.#options.log.error({ err: unavailable }, 'the datastore is not available');
    this.#failing = true;
    this.#outage = { reason: reasonOf(error), since: this.#outage?.since ?? new Date() };
    this.#options.onHealth?.(this.health());
    return unavailable;
  }

  #recovered(): void {
    if (this.#outage === undefined) return;
    this.#outage = undefined;
    this.#failing = false;
    this.#options.onHealth?.(this.health());
    this.#options.log.info({ endpoint: this.#options.endpoints[this.#current] }, 'the datastore is available');
  }
}
