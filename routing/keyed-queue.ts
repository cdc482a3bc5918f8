/** Runs tasks of one key one after the other, and of different keys side by side. */
export class KeyedQueue<K> {
  readonly #last = new Map<K, Promise<unknown>>();

  run<T>(key: K, task: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const result = before === undefined ? task() : before.then(task, task);
    const done = result
      .catch(() => {})
      .then(() => {
        if (this.#last.get(key) === done) this.#last.delete(key);
      });
    this.#last.set(key, done);
    return result;
  }

  /** Something of this key is under way. */
  busy(key: K): boolean {
    return this.#last.has(key);
  }
}
