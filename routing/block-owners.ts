import type { BlockHolders } from '../src/model/block.js';
import { type Cidr, hostCidr } from '../src/model/cidr.js';
import type { NodeName } from '../src/model/ids.js';

/** Which node packets for a block, or for a borrowed address, go to. Each change costs what follows from it. */
export class BlockOwners {
  readonly #blocks = new Map<Cidr, NodeName>();
  /** Addresses held by another node than the block's, as /32 and /128: they win over a block that is one address. */
  readonly #guests = new Map<Cidr, NodeName>();
  readonly #destinations = new Map<NodeName, Set<Cidr>>();

  /** Takes the change in. The destinations that may have another owner now. */
  apply(before: BlockHolders | undefined, after: BlockHolders | undefined): readonly Cidr[] {
    const changed = new Set<Cidr>();
    if (before !== undefined) this.#each(before, (map, destination) => this.#set(map, destination, undefined, changed));
    if (after !== undefined) this.#each(after, (map, destination, node) => this.#set(map, destination, node, changed));
    return [...changed];
  }

  ownerOf(destination: Cidr): NodeName | undefined {
    return this.#guests.get(destination) ?? this.#blocks.get(destination);
  }

  isBlock(destination: Cidr): boolean {
    return this.#blocks.has(destination) && !this.#guests.has(destination);
  }

  destinationsOf(node: NodeName): ReadonlySet<Cidr> {
    return this.#destinations.get(node) ?? new Set();
  }

  owners(): Iterable<NodeName> {
    return this.#destinations.keys();
  }

  *all(): Generator<Cidr> {
    for (const destinations of this.#destinations.values()) yield* destinations;
  }

  #each(
    { cidr, node, guests }: BlockHolders,
    visit: (map: Map<Cidr, NodeName>, destination: Cidr, node: NodeName) => void,
  ): void {
    if (node !== undefined) visit(this.#blocks, cidr, node);
    for (const [address, guest] of guests) visit(this.#guests, hostCidr(address), guest);
  }

  #set(map: Map<Cidr, NodeName>, destination: Cidr, node: NodeName | undefined, changed: Set<Cidr>): void {
    changed.add(destination);
    const former = this.ownerOf(destination);
    if (node === undefined) map.delete(destination);
    else map.set(destination, node);
    const owner = this.ownerOf(destination);
    if (former === owner) return;
    this.#regroup(destination, former, owner);
  }

  #regroup(destination: Cidr, former: NodeName | undefined, owner: NodeName | undefined): void {
    if (former !== undefined) {
      const group = this.#destinations.get(former);
      group?.delete(destination);
      if (group?.size === 0) this.#destinations.delete(former);
    }
    if (owner === undefined) return;
    const group = this.#destinations.get(owner);
    if (group === undefined) this.#destinations.set(owner, new Set([destination]));
    else group.add(destination);
  }
}
