/** One piece of work after the other, in order of arrival; one that fails does not keep the next back. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Has the work's outcome. It does not begin in this very turn. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }
}
