import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterStore } from '../src/effects/cluster-view.js';
import { ABSENT, type Compare, type Datastore, type StoredValue, type Write } from '../src/effects/datastore.js';
import type { Logger } from '../src/effects/logger.js';
import { ConflictError, type CorruptRecordError, DatastoreUnavailableError } from '../src/model/errors.js';
import { Draft, StaleReadError } from './draft.js';
import { decodeStored, RecordCache } from './record-cache.js';

/** What one caller wants done. */
export interface Operation<T> {
  /**
   * Reads and writes the draft, and says what came of it, or throws. It may be called several times, each time on
   * a draft that knows nothing of the time before, so that it must do nothing else.
   */
  decide(draft: Draft): Promise<T>;
  /** Writes of the caller's own that happen together with what was decided, or not at all. */
  readonly alongside?: { readonly compares: readonly Compare[]; readonly writes: readonly Write[] } | undefined;
  /** Old knowledge will not do. */
  readonly fresh?: boolean;
}

interface Queued {
  readonly operation: Operation<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

interface Decided {
  readonly queued: Queued;
  readonly value: unknown;
}

/** Lost races in a row before we give up; each means that another node did get something done. */
const MAX_ATTEMPTS = 20;
/** Lost races after which we step back a while before the next, so that the others get done. */
const EAGER_ATTEMPTS = 3;
/** Longest such while, in ms; its length is left to chance, so that those who lost together do not meet again. */
const LONGEST_PAUSE_MS = 40;
/** Operations that share one transaction: keeps it below etcd's limit of 128 (--max-txn-ops). */
const MAX_BATCH = 24;

/**
 * The one place of a node that changes the records of address management. Operations are decided one after the
 * other, each seeing those before it; all that wait while a transaction is under way share the next one. Another
 * node's change makes the transaction fail, and the operations are decided again.
 */
export class Ledger {
  readonly #store: Pick<ClusterStore, 'transact'>;
  readonly #cache: RecordCache;
  readonly #waiting: Queued[] = [];
  #running = false;

  constructor(deps: {
    readonly datastore: Pick<Datastore, 'get' | 'list'>;
    readonly store: Pick<ClusterStore, 'transact'>;
    readonly log: Logger;
  }) {
    this.#store = deps.store;
    this.#cache = new RecordCache(deps.datastore, deps.log);
  }

  /** Records that could not be read when they were last seen. */
  corrupt(): readonly CorruptRecordError[] {
    return this.#cache.corrupt();
  }

  /** Resolves when what was decided is durable. @throws what `decide` throws, or ConflictError for `alongside` */
  run<T>(operation: Operation<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ operation, resolve: resolve as (value: unknown) => void, reject });
      if (this.#running) return;
      this.#running = true;
      // The rest of this tick may bring more.
      queueMicrotask(() => void this.#work());
    });
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      try {
        await this.#perform(batch);
      } catch (error) {
        for (const queued of batch) queued.reject(error);
      }
    }
    this.#running = false;
  }

  /** In order; an operation whose own writes meet those of one before it waits for the next transaction. */
  #takeBatch(): Queued[] {
    const batch: Queued[] = [];
    const written = new Set<string>();
    while (batch.length < MAX_BATCH) {
      const [next] = this.#waiting;
      if (next === undefined) break;
      const keys = (next.operation.alongside?.writes ?? []).map(({ key }) => key);
      if (keys.some((key) => written.has(key))) break;
      for (const key of keys) written.add(key);
      batch.push(next);
      this.#waiting.shift();
    }
    return batch;
  }

  async #perform(batch: readonly Queued[]): Promise<void> {
    let remaining = batch;
    for (let attempt = 1; remaining.length > 0; attempt++) {
      const { draft, decided } = await this.#decideAll(remaining);
      const lost = await this.#commit(draft, decided);
      if (attempt === MAX_ATTEMPTS && lost.length > 0) {
        for (const { reject } of lost) reject(new ContendedError());
        return;
      }
      if (attempt >= EAGER_ATTEMPTS && lost.length > 1) {
        // Together they lose as soon as one of them does.
        for (const one of lost) await this.#perform([one]);
        return;
      }
      if (attempt >= EAGER_ATTEMPTS && lost.length > 0) await sleep(Math.random() * LONGEST_PAUSE_MS);
      remaining = lost;
    }
  }

  async #decideAll(batch: readonly Queued[]): Promise<{ draft: Draft; decided: readonly Decided[] }> {
    let draft = new Draft(this.#cache);
    const decided: Decided[] = [];
    for (const queued of batch) {
      try {
        const { value, trial } = await decideOne(queued.operation, draft);
        draft = trial;
        decided.push({ queued, value });
      } catch (error) {
        queued.reject(error);
      }
    }
    return { draft, decided };
  }

  /** Settles what it can, and returns the operations that must be decided again. */
  async #commit(draft: Draft, decided: readonly Decided[]): Promise<readonly Queued[]> {
    const own = draft.transaction();
    const alongside = decided.flatMap(({ queued }) => queued.operation.alongside ?? []);
    const writes = [...own.writes, ...alongside.flatMap((a) => a.writes)];
    const compares = distinct([...own.compares, ...alongside.flatMap((a) => a.compares)]);
    if (writes.length === 0 && compares.length === 0) {
      for (const { queued, value } of decided) queued.resolve(value);
      return [];
    }
    try {
      const outcome = await this.#store.transact({ compares, writes });
      if (outcome.kind === 'committed') {
        for (const [key, value] of draft.results()) {
          this.#cache.set(key, { value, revision: value === undefined ? ABSENT : outcome.revision });
        }
        for (const { queued, value } of decided) queued.resolve(value);
        return [];
      }
      return this.#learn(draft, own.compares, decided, outcome.current);
    } catch (error) {
      // It may have been committed all the same.
      for (const { key } of own.compares) this.#cache.forget(key);
      for (const { queued } of decided) queued.reject(error);
      if (!(error instanceof DatastoreUnavailableError)) throw error;
      return [];
    }
  }

  #learn(
    draft: Draft,
    own: readonly Compare[],
    decided: readonly Decided[],
    current: readonly StoredValue[],
  ): readonly Queued[] {
    const now = new Map(current.map((stored) => [stored.key, stored]));
    for (const { key } of own) this.#cache.set(key, decodeStored(draft.kindOf(key), now.get(key)));
    const again: Queued[] = [];
    for (const { queued } of decided) {
      const failed = queued.operation.alongside?.compares.find(
        ({ key, revision }) => (now.get(key)?.revision ?? ABSENT) !== revision,
      );
      if (failed === undefined) again.push(queued);
      else queued.reject(changedMeanwhile(failed.key));
    }
    return again;
  }
}

/** A refusal, and a decision that changes nothing, must not rest on old knowledge. */
async function decideOne<T>(operation: Operation<T>, draft: Draft): Promise<{ value: T; trial: Draft }> {
  const trial = draft.fork(operation.fresh ?? false);
  try {
    const value = await operation.decide(trial);
    if (trial.touched || !trial.usedCache) return { value, trial };
  } catch (error) {
    if (error instanceof DatastoreUnavailableError || (!trial.usedCache && !(error instanceof StaleReadError)))
      throw error;
  }
  const second = draft.fork(true);
  return { value: await operation.decide(second), trial: second };
}

const distinct = (compares: readonly Compare[]): Compare[] => [
  ...new Map(compares.map((compare) => [compare.key, compare])).values(),
];

/** Safe to try again. */
export class ContendedError extends ConflictError {
  constructor() {
    super(
      `the addresses were changed by other nodes ${MAX_ATTEMPTS} times while this request was being decided; try again`,
    );
  }
}

const changedMeanwhile = (key: string): ConflictError =>
  new ConflictError(`the record ${key} was changed while this request was being decided; try again`);
