/** Runs tasks of one key one after the other, in order of arrival, and tasks of different keys side by side. */
export class KeyedQueue<K> {
  readonly #last = new Map<K, Promise<unknown>>();

  /** Has the task's outcome. It begins in this very turn if nothing of its key is under way. */
  run<T>(key: K, task: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    // Whoever asked for the task before has its outcome; the next in line only waits for its end.
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
