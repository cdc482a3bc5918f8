import type { Cidr } from '../model/cidr.js';
import type { NodeName } from '../model/ids.js';

/**
 * Where one node's addresses lie, without asking the datastore: blocks with an affinity to it, and those in which it has
 * an address. As last heard, so that whoever acts on it reads the blocks; what the node itself did a moment ago may be missing.
 */
export interface HeldBlocks {
  /** Resolves at the first snapshot. */
  ready(): Promise<void>;
  /** Blocks of one subnet. */
  in(subnet: Cidr): Iterable<Cidr>;
  subnets(): Iterable<Cidr>;
  /** The same of another node: blocks by subnet. */
  of(node: NodeName): ReadonlyMap<Cidr, readonly Cidr[]>;
  /** Nodes with an affinity to a block of the subnet, in no order; looked for as they are asked for. */
  nodesIn(subnet: Cidr): Iterable<NodeName>;
  /** How many blocks all nodes have. */
  readonly clusterSize: number;
  /** Keys of blocks, of whichever node, that cannot be read. */
  readonly unreadable: ReadonlySet<string>;
}
