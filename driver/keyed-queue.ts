/** Runs tasks with the same key one after the other, in order of arrival; tasks with different keys do not meet. */
export class KeyedQueue {
  readonly #last = new Map<string, Promise<unknown>>();

  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const turn = (async () => {
      // Whoever started the task before has its outcome; the next in line only waits for its end.
      await before?.catch(() => {});
      return task();
    })();
    this.#last.set(key, turn);
    try {
      return await turn;
    } finally {
      if (this.#last.get(key) === turn) this.#last.delete(key);
    }
  }
}
