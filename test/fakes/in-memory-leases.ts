import type { Transaction, TransactionOutcome } from '../../src/effects/datastore.js';
import type { LeaseId, Leases } from '../../src/effects/leases.js';

interface LeasedStore {
  transact(transaction: Transaction): Promise<TransactionOutcome>;
  delete(keys: readonly string[]): void;
}

/** Leases that end when a test says so. */
export class InMemoryLeases implements Leases {
  readonly #keys = new Map<LeaseId, Set<string>>();
  readonly #store: LeasedStore;
  #granted = 0;

  constructor(store: LeasedStore) {
    this.#store = store;
  }

  async grant(): Promise<LeaseId> {
    // So that an absent store is noticed here too.
    await this.#store.transact({ compares: [], writes: [] });
    this.#granted += 1;
    const id = `lease-${this.#granted}` as LeaseId;
    this.#keys.set(id, new Set());
    return id;
  }

  async renew(lease: LeaseId): Promise<boolean> {
    await this.#store.transact({ compares: [], writes: [] });
    return this.#keys.has(lease);
  }

  async revoke(lease: LeaseId): Promise<void> {
    this.#end(lease);
  }

  async transact(lease: LeaseId, transaction: Transaction): Promise<TransactionOutcome> {
    const outcome = await this.#store.transact(transaction);
    if (outcome.kind === 'committed') for (const { key } of transaction.writes) this.#keys.get(lease)?.add(key);
    return outcome;
  }

  /** All run out. */
  expire(): void {
    for (const lease of [...this.#keys.keys()]) this.#end(lease);
  }

  #end(lease: LeaseId): void {
    const keys = this.#keys.get(lease);
    this.#keys.delete(lease);
    if (keys !== undefined) this.#store.delete([...keys]);
  }
}
