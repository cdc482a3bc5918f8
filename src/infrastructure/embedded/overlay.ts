import type { Change, Revision, StoredValue } from '../../effects/datastore.js';
import type { KeyIndex } from './key-index.js';

/** The index with changes on top that are not on disk yet, so that a batch's transactions see one another. */
export class Overlay {
  readonly #index: KeyIndex;
  readonly #changes = new Map<string, Change>();
  #revision: Revision;

  constructor(index: KeyIndex) {
    this.#index = index;
    this.#revision = index.revision;
  }

  get revision(): Revision {
    return this.#revision;
  }

  get(key: string): StoredValue | undefined {
    const change = this.#changes.get(key);
    if (change === undefined) return this.#index.get(key);
    return change.kind === 'put' ? { key, value: change.value, revision: change.revision } : undefined;
  }

  apply(changes: readonly Change[], revision: Revision): void {
    for (const change of changes) this.#changes.set(change.key, change);
    this.#revision = revision;
  }

  /** The last change of each key. */
  get changes(): readonly Change[] {
    return [...this.#changes.values()];
  }
}
