import type { BlockChange, ClusterBlocks } from '../effects/cluster-blocks.js';
import type { Datastore, FollowUpdate } from '../effects/datastore.js';
import { type BlockHolders, BlockRecord, holdersOf } from '../model/block.js';
import { CorruptRecordError } from '../model/errors.js';

/**
 * The cluster's blocks over any Datastore. An address that comes or goes rewrites its block's record, mostly without a
 * change of who holds what: then nobody is told.
 */
export class WatchedBlocks implements ClusterBlocks {
  readonly #blocks = new Map<string, BlockHolders>();
  /** In the parts of a snapshot that have come. */
  readonly #listed = new Set<string>();
  readonly #unreadable = new Set<string>();
  readonly #listeners = new Set<(change: BlockChange) => void>();
  readonly #ready: Promise<void>;
  readonly #close: () => Promise<void>;

  constructor({ datastore }: { readonly datastore: Pick<Datastore, 'follow'> }) {
    let told = (): void => {};
    this.#ready = new Promise((resolve) => {
      told = resolve;
    });
    const watch = datastore.follow([BlockRecord.prefix], (update) => {
      this.#learn(update);
      if (update.kind === 'part' && update.last) told();
    });
    this.#close = () => watch.close();
  }

  blocks(): Iterable<BlockHolders> {
    return this.#blocks.values();
  }

  get size(): number {
    return this.#blocks.size;
  }

  get unreadable(): ReadonlySet<string> {
    return this.#unreadable;
  }

  ready(): Promise<void> {
    return this.#ready;
  }

  subscribe(listener: (change: BlockChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    return this.#close();
  }

  #learn(update: FollowUpdate): void {
    if (update.kind === 'changes') {
      for (const change of update.changes) {
        this.#set(change.key, change.kind === 'put' ? this.#read(change.key, change.value) : undefined);
      }
      return;
    }
    if (update.first) this.#listed.clear();
    for (const { key, value } of update.items) {
      this.#listed.add(key);
      this.#set(key, this.#read(key, value));
    }
    if (!update.last) return;
    for (const key of [...this.#blocks.keys(), ...this.#unreadable]) {
      if (!this.#listed.has(key)) this.#set(key, undefined);
    }
    this.#listed.clear();
  }

  #read(key: string, text: string): BlockHolders | 'unreadable' {
    try {
      return holdersOf(key, text);
    } catch (error) {
      // Address management reports it.
      if (error instanceof CorruptRecordError) return 'unreadable';
      throw error;
    }
  }

  #set(key: string, read: BlockHolders | 'unreadable' | undefined): void {
    if (read === 'unreadable') this.#unreadable.add(key);
    else this.#unreadable.delete(key);
    const after = read === 'unreadable' ? undefined : read;
    const before = this.#blocks.get(key);
    if (isSame(before, after)) return;
    if (after === undefined) this.#blocks.delete(key);
    else this.#blocks.set(key, after);
    for (const listener of this.#listeners) listener({ before, after });
  }
}

function isSame(one: BlockHolders | undefined, other: BlockHolders | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  if (one.cidr !== other.cidr || one.node !== other.node || one.guests.size !== other.guests.size) return false;
  for (const [address, node] of one.guests) if (other.guests.get(address) !== node) return false;
  return true;
}
