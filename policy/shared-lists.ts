/** Lists that are remembered at most; then it begins anew, which costs only what is then kept twice. */
const MOST_SHARED = 20_000;

/** Equal lists of names as one object: a cluster has many endpoints, and few ways in which they bear profiles and tags. */
export class SharedLists<Name extends string> {
  readonly #lists = new Map<string, readonly Name[]>();
  /** The same ones: most that are asked for again are known by themselves, and need not be spelled. */
  readonly #shared = new Set<readonly Name[]>();

  /** @param names without spaces */
  share(names: readonly Name[]): readonly Name[] {
    if (this.#shared.has(names)) return names;
    const text = names.join(' ');
    const shared = this.#lists.get(text);
    if (shared !== undefined) return shared;
    if (this.#lists.size >= MOST_SHARED) {
      this.#lists.clear();
      this.#shared.clear();
    }
    this.#lists.set(text, names);
    this.#shared.add(names);
    return names;
  }
}
