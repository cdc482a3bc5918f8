/**
 * Remembers what we changed since a moment: what was read at that moment is no witness of it any more. Moments are
 * numbers that grow with each change.
 */
export class ChangeMarks<K> {
  readonly #marks = new Map<K, number>();
  #now = 0;

  get now(): number {
    return this.#now;
  }

  touch(key: K): void {
    this.#marks.set(key, ++this.#now);
  }

  changedSince(key: K, moment: number): boolean {
    return (this.#marks.get(key) ?? 0) > moment;
  }

  /** Nobody will ask about moments before this one. */
  forgetBefore(moment: number): void {
    for (const [key, mark] of this.#marks) if (mark <= moment) this.#marks.delete(key);
  }
}
