import type { Chain, ChainName, FilterRule } from '../src/model/chain.js';
import { HOST_INTERFACE_PREFIX, type InterfaceName } from '../src/model/ids.js';
import { dispatchChain } from './chain-names.js';
import { always, DROP, goto, inInterface, outInterface, when } from './matches.js';

/** Most names that a chain compares one by one; more are split by their next character. */
const MAX_LEAF_NAMES = 8;
/** Digits; the last of an interface's 11 is compared with the rest, among at most 16. */
const MAX_BEGINNING_LENGTH = 10;
const DIGITS = [...'0123456789abcdef'];

export interface DispatchChanges {
  readonly put: readonly Chain[];
  readonly remove: readonly ChainName[];
}

/**
 * The tree of chains that finds an endpoint's chain by its interface, in few comparisons however many there are. What
 * it does not know, it drops. The chains depend on the set of names alone.
 */
export class DispatchTree {
  readonly #root: ChainName;
  readonly #side: 'in' | 'out';
  readonly #chainOf: (name: InterfaceName) => ChainName;
  /** Names under each beginning, the beginning without `cord`. */
  readonly #names = new Map<string, Set<InterfaceName>>();

  constructor(tree: { root: ChainName; side: 'in' | 'out'; chainOf: (name: InterfaceName) => ChainName }) {
    this.#root = tree.root;
    this.#side = tree.side;
    this.#chainOf = tree.chainOf;
  }

  /** The tree as it is before any name: everything is dropped. */
  get emptyRoot(): Chain {
    return { table: 'mangle', name: this.#root, rules: [always(DROP, 'unknown interface')] };
  }

  /** All chains of the tree, the root first. */
  chains(): readonly Chain[] {
    return this.#subtree('');
  }

  add(name: InterfaceName): DispatchChanges {
    return this.#change(name, (names) => names.add(name));
  }

  delete(name: InterfaceName): DispatchChanges {
    return this.#change(name, (names) => names.delete(name));
  }

  #change(name: InterfaceName, edit: (names: Set<InterfaceName>) => void): DispatchChanges {
    const path = beginningsOf(name);
    const before = this.#nearPath(path);
    for (const beginning of path) {
      const names = this.#names.get(beginning) ?? new Set();
      edit(names);
      if (names.size > 0) this.#names.set(beginning, names);
      else this.#names.delete(beginning);
    }
    const after = this.#nearPath(path);
    return {
      put: [...after].filter(([key, form]) => form !== before.get(key)).map(([key]) => this.#chain(key)),
      remove: [...before.keys()].filter((key) => !after.has(key)).map((key) => dispatchChain(this.#root, key)),
    };
  }

  /**
   * The beginnings whose chains a change of one name can touch, those on its path and their children, each with what
   * its chain's rules follow from.
   */
  #nearPath(path: readonly string[]): Map<string, string> {
    const near = new Map<string, string>();
    for (const beginning of path) {
      if (beginning !== '' && !this.#names.has(beginning)) break;
      near.set(beginning, this.#formOf(beginning));
      if (!this.#isSplit(beginning)) break;
      // one beside the path keeps its form as long as it is there
      for (const child of this.#children(beginning)) near.set(child, 'beside');
    }
    return near;
  }

  #formOf(beginning: string): string {
    return this.#isSplit(beginning)
      ? `split ${this.#children(beginning).join(' ')}`
      : [...(this.#names.get(beginning) ?? [])].sort().join(' ');
  }

  #subtree(beginning: string): readonly Chain[] {
    const children = this.#isSplit(beginning) ? this.#children(beginning) : [];
    return [this.#chain(beginning), ...children.flatMap((child) => this.#subtree(child))];
  }

  #isSplit(beginning: string): boolean {
    return beginning.length < MAX_BEGINNING_LENGTH && (this.#names.get(beginning)?.size ?? 0) > MAX_LEAF_NAMES;
  }

  /** Sorted. */
  #children(beginning: string): readonly string[] {
    return DIGITS.map((digit) => beginning + digit).filter((child) => this.#names.has(child));
  }

  #chain(beginning: string): Chain {
    const rules = this.#isSplit(beginning)
      ? this.#children(beginning).map((child) => this.#branch(`${HOST_INTERFACE_PREFIX}${child}+`, child))
      : [...(this.#names.get(beginning) ?? [])].sort().map((name) => this.#leaf(name));
    return {
      table: 'mangle',
      name: dispatchChain(this.#root, beginning),
      rules: [...rules, ...this.emptyRoot.rules],
    };
  }

  #branch(pattern: `cord${string}+`, child: string): FilterRule {
    const match = this.#side === 'in' ? inInterface(pattern) : outInterface(pattern);
    return when([match], goto(dispatchChain(this.#root, child)));
  }

  #leaf(name: InterfaceName): FilterRule {
    const match = this.#side === 'in' ? inInterface(name) : outInterface(name);
    return when([match], goto(this.#chainOf(name)));
  }
}

/** '' first. */
function beginningsOf(name: InterfaceName): readonly string[] {
  const digits = name.slice(HOST_INTERFACE_PREFIX.length);
  return Array.from({ length: MAX_BEGINNING_LENGTH + 1 }, (_, length) => digits.slice(0, length));
}
