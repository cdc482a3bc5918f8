import type { Datastore } from '../src/effects/datastore.js';
import type { HeldBlocks } from '../src/effects/held-blocks.js';
import { type Block, BlockRecord } from '../src/model/block.js';
import type { Cidr } from '../src/model/cidr.js';
import { CorruptRecordError, describeError } from '../src/model/errors.js';
import { HandleRecord } from '../src/model/handle.js';
import { PoolRecord } from '../src/model/pool.js';
import type { RecordKind } from '../src/model/record.js';
import { type Subnet, type SubnetHold, SubnetHoldRecord, SubnetRecord } from '../src/model/subnet.js';
import type { IpamContext } from './allocation-context.js';
import { readAllOf, readSnapshot } from './ipam-snapshot.js';
import { holdOf } from './subnet-holds.js';
import type { SubnetRegistry } from './subnet-registry.js';
import { isOf } from './sweep-subnet.js';

/** Up to so many blocks in the cluster, each look is at all records. */
const FEW_BLOCKS = 2_000;
/** With more, who holds which subnet is read at the start and then this often, in ms: thousands of nodes do the same. */
const ALL_HOLDS_MS = 3_600_000;

/** What reclaiming looks at. */
export interface Look {
  /** This node's. */
  readonly holds: readonly SubnetHold[];
  /** At least those in which this node has something. */
  readonly blocks: readonly Block[];
  /** Not held by this node, and something may have to be given up in them. */
  readonly unheld: readonly Cidr[];
}

const KINDS: readonly RecordKind<unknown>[] = [PoolRecord, SubnetRecord, SubnetHoldRecord, BlockRecord, HandleRecord];

/** Chooses how much of the cluster a node looks at: all of it while that is little, else what it has to do with. */
export class ReclaimScope {
  readonly #context: IpamContext;
  readonly #registry: SubnetRegistry;
  readonly #heldBlocks: HeldBlocks;
  readonly #datastore: Pick<Datastore, 'list'>;
  #sawHolds: Date | undefined;

  constructor(
    context: IpamContext,
    parts: {
      readonly registry: SubnetRegistry;
      readonly heldBlocks: HeldBlocks;
      readonly datastore: Pick<Datastore, 'list'>;
    },
  ) {
    this.#context = context;
    this.#registry = parts.registry;
    this.#heldBlocks = parts.heldBlocks;
    this.#datastore = parts.datastore;
  }

  async look(): Promise<Look> {
    await this.#heldBlocks.ready();
    if (this.#heldBlocks.clusterSize <= FEW_BLOCKS) return this.#lookAtAll();
    const now = this.#context.clock.now();
    if (this.#sawHolds === undefined || now.getTime() - this.#sawHolds.getTime() >= ALL_HOLDS_MS) {
      await this.#lookAtHolds();
      this.#sawHolds = now;
    }
    return this.#lookAtOwn();
  }

  async #lookAtAll(): Promise<Look> {
    const { node } = this.#context;
    const { holds, blocks, subnets, corrupt } = await readSnapshot(this.#datastore);
    await this.#tellCorrupt(corrupt);
    const withOurs = new Set(blocks.filter((block) => isOf(block, node)).map(({ subnet }) => subnet));
    const { own, unheld } = this.#sort(subnets, holds, withOurs);
    return { holds: own, blocks, unheld };
  }

  /** What is nobody's, or this node's, is looked at from then on. */
  async #lookAtHolds(): Promise<void> {
    const corrupt: CorruptRecordError[] = [];
    const subnets = await readAllOf(this.#datastore, SubnetRecord, corrupt);
    const holds = await readAllOf(this.#datastore, SubnetHoldRecord, corrupt);
    await this.#tellCorrupt(corrupt, this.#heldBlocks.unreadable);
    this.#sort(subnets, holds, new Set());
  }

  async #lookAtOwn(): Promise<Look> {
    const { ledger, ownBlocks, node } = this.#context;
    const holds: SubnetHold[] = [];
    const blocks: Block[] = [];
    const unheld: Cidr[] = [];
    const { known } = this.#registry;
    for (const cidr of new Set([...known, ...this.#heldBlocks.subnets()])) {
      // One at a time: requests of Docker's are decided in between.
      const hold = await ledger.run({ fresh: true, decide: (draft) => holdOf(draft, cidr, node) });
      const own = await ledger.run({ fresh: true, decide: (draft) => ownBlocks.in(draft, cidr) });
      if (hold !== undefined || own.some((block) => isOf(block, node))) known.add(cidr);
      if (hold !== undefined) holds.push(hold);
      else if (known.has(cidr)) unheld.push(cidr);
      blocks.push(...own);
    }
    return { holds, blocks, unheld };
  }

  /** This node's holds, and the subnets that it does not hold and in which something may have to be given up. */
  #sort(
    subnets: readonly Subnet[],
    holds: readonly SubnetHold[],
    withOurs: ReadonlySet<Cidr>,
  ): { readonly own: readonly SubnetHold[]; readonly unheld: readonly Cidr[] } {
    const held = new Set(holds.map(({ subnet }) => subnet));
    const own = holds.filter((hold) => hold.node === this.#context.node);
    const ours = new Set(own.map(({ subnet }) => subnet));
    const unheld = subnets
      .filter(({ cidr, use }) => !ours.has(cidr) && (withOurs.has(cidr) || use === 'resting' || !held.has(cidr)))
      .map(({ cidr }) => cidr);
    for (const cidr of [...ours, ...unheld]) this.#registry.known.add(cidr);
    return { own, unheld };
  }

  /** The ledger reads what cannot be read, and what could not be read before: it then knows which are bad now. */
  async #tellCorrupt(corrupt: readonly CorruptRecordError[], more: Iterable<string> = []): Promise<void> {
    const { ledger, log } = this.#context;
    const before = new Set(ledger.corrupt().map(({ key }) => key));
    for (const record of corrupt) {
      if (!before.has(record.key)) log.error({ key: record.key }, describeError(record));
    }
    for (const key of new Set([...before, ...corrupt.map((record) => record.key), ...more])) {
      const kind = KINDS.find(({ prefix }) => key.startsWith(prefix));
      if (kind === undefined) continue;
      await ledger.run({ fresh: true, decide: (draft) => draft.read(kind, key) }).catch((error: unknown) => {
        if (!(error instanceof CorruptRecordError)) throw error;
      });
    }
  }
}
