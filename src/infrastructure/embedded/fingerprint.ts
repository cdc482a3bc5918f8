import { createHash } from 'node:crypto';
import type { Change } from '../../effects/datastore.js';

/** Sums are below this, and so exact in a number. */
const MODULUS = 2 ** 48;

/**
 * A sum over all rows of a store, kept as they change and stored with them: LevelDB drops damaged parts of its log
 * without a word, and then the sum of what is left is another. Damage at the very end of the log stays unseen: LevelDB
 * takes it for a write that a crash cut short, and the store is then as it was before that write.
 */
export class Fingerprint {
  readonly #hashes = new Map<string, number>();
  #sum = 0;

  get sum(): number {
    return this.#sum;
  }

  apply(change: Change): void {
    const before = this.#hashes.get(change.key) ?? 0;
    const after = change.kind === 'put' ? hashOf(change.key, `${change.revision} ${change.value}`) : 0;
    if (change.kind === 'put') this.#hashes.set(change.key, after);
    else this.#hashes.delete(change.key);
    this.#sum = (this.#sum + after - before + MODULUS) % MODULUS;
  }
}

/** 48 bits of a SHA-256; the key's length keeps key and row apart. */
const hashOf = (key: string, row: string): number =>
  createHash('sha256').update(`${key.length} ${key}${row}`).digest().readUIntBE(0, 6);
