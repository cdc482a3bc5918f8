import type { IWatchResponse } from 'etcd3';
import type { Change, Revision } from '../../effects/datastore.js';
import type { WatchStream } from './etcd-connection.js';
import { reasonOf } from './etcd-errors.js';
import { bytes, changeOf, rangeOfAll, revisionOf } from './etcd-messages.js';

/** One watch of one or more prefixes on one gRPC stream, until it ends for whatever reason. It is never mended. */
export class PrefixStream {
  /** Resolves with the reason when no more changes will come. */
  readonly ended: Promise<string>;
  readonly #stream: WatchStream;
  readonly #prefixes: readonly Buffer[];
  readonly #onChanges: (changes: readonly Change[], revision: Revision) => void;
  #end: (reason: string) => void = () => undefined;
  #over: boolean;
  #created: boolean;
  /** Highest revision that any response bore. */
  #seen = 0;
  /** The store had this revision at the last check; by the next, the stream must have told of it. */
  #expected: number | undefined;

  constructor(options: {
    readonly stream: WatchStream;
    readonly prefixes: readonly string[];
    /** First revision that is wanted. */
    readonly from: number;
    /** The stream is given up if etcd has not confirmed the watch by then. */
    readonly createdWithinMs: number;
    readonly onChanges: (changes: readonly Change[], revision: Revision) => void;
  }) {
    this.#stream = options.stream;
    this.#prefixes = options.prefixes.map(bytes);
    this.#onChanges = options.onChanges;
    this.#over = false;
    this.#created = false;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#stream.on('data', (response) => this.#take(response));
    this.#stream.on('error', (error) => this.stop(reasonOf(error)));
    this.#stream.on('end', () => this.stop('etcd closed the stream'));
    this.#stream.write({ create_request: { ...rangeOfAll(options.prefixes), start_revision: options.from } });
    const timer = setTimeout(() => {
      if (!this.#created) this.stop(`etcd did not confirm the watch within ${options.createdWithinMs} ms`);
    }, options.createdWithinMs);
    void this.ended.then(() => clearTimeout(timer));
  }

  /** Nothing is handed on after this. */
  stop(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    // Ended before cancelled: etcd3 takes an error on a writable stream for a failure of its host.
    this.#stream.end();
    this.#stream.cancel();
    this.#end(reason);
  }

  /**
   * A stream can die without a word. Called from time to time with the store's revision: stops the stream if it has not
   * reached the revision of the call before, and else asks etcd to report on it.
   */
  expect(storeRevision: number): void {
    if (this.#over || !this.#created) return;
    if (this.#expected !== undefined && this.#seen < this.#expected) {
      this.stop(`nothing came up to revision ${this.#expected}`);
      return;
    }
    this.#expected = storeRevision;
    if (this.#seen < storeRevision) this.#stream.write({ progress_request: {} });
  }

  #take(response: IWatchResponse): void {
    if (this.#over) return;
    if (response.canceled) {
      const compacted = Number(response.compact_revision) > 0;
      this.stop(
        compacted ? `etcd compacted up to ${response.compact_revision}` : response.cancel_reason || 'cancelled',
      );
      return;
    }
    this.#created ||= response.created;
    const revision = revisionOf(response.header.revision);
    this.#seen = Math.max(this.#seen, revision);
    const changes = response.events.filter(({ kv }) => this.#isWanted(kv.key)).map(changeOf);
    if (changes.length > 0) this.#onChanges(changes, revision);
  }

  /** The range that is watched may have other keys between those of the prefixes. */
  #isWanted(key: Buffer): boolean {
    return this.#prefixes.some((prefix) => key.subarray(0, prefix.length).equals(prefix));
  }
}
