import type { BlockHolders } from '../model/block.js';

/** What became of one block; both absent never occurs. */
export interface BlockChange {
  readonly before: BlockHolders | undefined;
  readonly after: BlockHolders | undefined;
}

/** Every node's blocks in memory, kept by a watch. With the datastore away they are as they were last known. */
export interface ClusterBlocks {
  blocks(): Iterable<BlockHolders>;
  readonly size: number;
  /** Keys of records that cannot be read. */
  readonly unreadable: ReadonlySet<string>;
  /** Resolves at the first snapshot. */
  ready(): Promise<void>;
  /** Called synchronously, once for each change of who holds what; a snapshot arrives as the changes it makes. */
  subscribe(listener: (change: BlockChange) => void): () => void;
}
