/** Lists that are remembered at most; then it begins anew, which costs only what is then kept twice. */
const MOST_SHARED = 20_000;

/** Equal lists of names as one object: a cluster has many endpoints, and few ways in which they bear profiles and tags. */
export class SharedLists<Name extends string> {
  readonly #lists = new Map<string, readonly Name[]>();

  /** @param names without spaces */
  share(names: readonly Name[]): readonly Name[] {
    const text = names.join(' ');
    const shared = this.#lists.get(text);
    if (shared !== undefined) return shared;
    if (this.#lists.size >= MOST_SHARED) this.#lists.clear();
    this.#lists.set(text, names);
    return names;
  }
}
