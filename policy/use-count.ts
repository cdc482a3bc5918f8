/** How many users each thing has: the first use and the last release are told. */
export class UseCount<K> {
  readonly #uses = new Map<K, number>();

  has(key: K): boolean {
    return this.#uses.has(key);
  }

  /** True: this is the first use. */
  acquire(key: K): boolean {
    const uses = this.#uses.get(key) ?? 0;
    this.#uses.set(key, uses + 1);
    return uses === 0;
  }

  /** True: this was the last use. */
  release(key: K): boolean {
    const uses = this.#uses.get(key) ?? 0;
    if (uses > 1) this.#uses.set(key, uses - 1);
    else this.#uses.delete(key);
    return uses === 1;
  }
}
