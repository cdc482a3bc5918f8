import type { Chain, ChainName, FilterRule } from '../src/model/chain.js';
import { HOST_INTERFACE_PREFIX, type InterfaceName } from '../src/model/ids.js';
import { dispatchChain } from './chain-names.js';
import { always, DROP, goto, inInterface, outInterface, when } from './matches.js';

/** Most names that a chain compares one by one; more are split by their next character. */
const MAX_LEAF_NAMES = 8;
/** Digits; the last of an interface's 11 is compared with the rest, among at most 16. */
const MAX_BEGINNING_LENGTH = 10;

export interface DispatchChanges {
  readonly put: readonly Chain[];
  readonly remove: readonly ChainName[];
}

/** One chain of the tree: its names, and from many names on a branch for each of their next digits. */
interface Branch {
  readonly beginning: string;
  readonly names: Set<InterfaceName>;
  /** By digit; undefined: the names are compared one by one. */
  branches: Map<string, Branch> | undefined;
}

/**
 * The tree of chains that finds an endpoint's chain by its interface, in few comparisons however many there are. What
 * it does not know, it drops. The chains depend on the set of names alone.
 */
export class DispatchTree {
  readonly #root: ChainName;
  readonly #side: 'in' | 'out';
  readonly #chainOf: (name: InterfaceName) => ChainName;
  readonly #tree: Branch = newBranch('');

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
    return subtree(this.#tree).map((branch) => this.#chain(branch));
  }

  add(name: InterfaceName): DispatchChanges {
    return { put: insert(this.#tree, name).map((branch) => this.#chain(branch)), remove: [] };
  }

  delete(name: InterfaceName): DispatchChanges {
    const { changed, gone } = remove(this.#tree, name);
    return {
      put: changed.map((branch) => this.#chain(branch)),
      remove: gone.map(({ beginning }) => dispatchChain(this.#root, beginning)),
    };
  }

  #chain({ beginning, names, branches }: Branch): Chain {
    const rules =
      branches === undefined
        ? [...names].sort().map((name) => this.#leaf(name))
        : sorted(branches).map((child) => this.#branch(child.beginning));
    return { table: 'mangle', name: dispatchChain(this.#root, beginning), rules: [...rules, ...this.emptyRoot.rules] };
  }

  #branch(beginning: string): FilterRule {
    const pattern = `${HOST_INTERFACE_PREFIX}${beginning}+` as const;
    const match = this.#side === 'in' ? inInterface(pattern) : outInterface(pattern);
    return when([match], goto(dispatchChain(this.#root, beginning)));
  }

  #leaf(name: InterfaceName): FilterRule {
    const match = this.#side === 'in' ? inInterface(name) : outInterface(name);
    return when([match], goto(this.#chainOf(name)));
  }
}

const newBranch = (beginning: string): Branch => ({ beginning, names: new Set(), branches: undefined });
const digitAt = (name: InterfaceName, { beginning }: Branch): string =>
  name.charAt(HOST_INTERFACE_PREFIX.length + beginning.length);
const sorted = (branches: ReadonlyMap<string, Branch>): readonly Branch[] =>
  [...branches.values()].sort((a, b) => (a.beginning < b.beginning ? -1 : 1));
const subtree = (branch: Branch): readonly Branch[] => [
  branch,
  ...(branch.branches === undefined ? [] : sorted(branch.branches).flatMap(subtree)),
];

/** The branches whose chains are new or others now. */
function insert(branch: Branch, name: InterfaceName): readonly Branch[] {
  if (branch.names.has(name)) return [];
  branch.names.add(name);
  if (branch.branches !== undefined) return insertBelow(branch, branch.branches, name);
  if (branch.names.size <= MAX_LEAF_NAMES || branch.beginning.length >= MAX_BEGINNING_LENGTH) return [branch];
  branch.branches = new Map();
  for (const each of branch.names) insertBelow(branch, branch.branches, each);
  return subtree(branch);
}

function insertBelow(parent: Branch, branches: Map<string, Branch>, name: InterfaceName): readonly Branch[] {
  const digit = digitAt(name, parent);
  const child = branches.get(digit);
  if (child !== undefined) return insert(child, name);
  const added = newBranch(parent.beginning + digit);
  branches.set(digit, added);
  return [parent, ...insert(added, name)];
}

function remove(
  branch: Branch,
  name: InterfaceName,
): { readonly changed: readonly Branch[]; readonly gone: readonly Branch[] } {
  if (!branch.names.delete(name)) return { changed: [], gone: [] };
  const { branches } = branch;
  if (branches === undefined) return { changed: [branch], gone: [] };
  if (branch.names.size <= MAX_LEAF_NAMES) {
    const gone = subtree(branch).slice(1);
    branch.branches = undefined;
    return { changed: [branch], gone };
  }
  const digit = digitAt(name, branch);
  const child = branches.get(digit) as Branch;
  if (child.names.size > 1) return remove(child, name);
  branches.delete(digit);
  return { changed: [branch], gone: [child] };
}
