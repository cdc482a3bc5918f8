import type { Datastore } from '../src/effects/datastore.js';
import { type Block, BlockRecord, blocksPrefix } from '../src/model/block.js';
import type { Cidr } from '../src/model/cidr.js';
import { CorruptRecordError, describeError } from '../src/model/errors.js';
import { HandleRecord } from '../src/model/handle.js';
import { PoolRecord } from '../src/model/pool.js';
import type { RecordKind } from '../src/model/record.js';
import { type SubnetHold, SubnetHoldRecord, SubnetRecord } from '../src/model/subnet.js';
import type { IpamContext } from './allocation-context.js';
import { type IpamSnapshot, readSnapshot } from './ipam-snapshot.js';
import { holdOf } from './subnet-holds.js';
import { isOf, type SubnetRegistry } from './subnet-registry.js';

/** Up to so many blocks and holds in the cluster each look is at all of them. */
const FEW_RECORDS = 2_000;
/** With more, a look at all is taken at the start and then this often, in ms: thousands of nodes do the same. */
const WHOLE_LOOK_MS = 3_600_000;

/** What reclaiming looks at. */
export interface Look {
  /** This node's. */
  readonly holds: readonly SubnetHold[];
  readonly blocks: readonly Block[];
  /** Not held by this node, and something may have to be given up in them. */
  readonly unheld: readonly Cidr[];
}

const KINDS: readonly RecordKind<unknown>[] = [PoolRecord, SubnetRecord, SubnetHoldRecord, BlockRecord, HandleRecord];

/** Chooses how much of the cluster a node looks at: all of it while that is little, else what it had to do with. */
export class ReclaimScope {
  readonly #context: IpamContext;
  readonly #registry: SubnetRegistry;
  readonly #datastore: Pick<Datastore, 'list'>;
  #whole: { readonly at: Date; readonly records: number } | undefined;

  constructor(context: IpamContext, registry: SubnetRegistry, datastore: Pick<Datastore, 'list'>) {
    this.#context = context;
    this.#registry = registry;
    this.#datastore = datastore;
  }

  look(): Promise<Look> {
    const now = this.#context.clock.now().getTime();
    const last = this.#whole;
    const isDue = last === undefined || last.records <= FEW_RECORDS || now - last.at.getTime() >= WHOLE_LOOK_MS;
    return isDue ? this.#lookAtAll() : this.#lookAtKnown();
  }

  async #lookAtAll(): Promise<Look> {
    const { clock, node } = this.#context;
    const snapshot = await readSnapshot(this.#datastore);
    const { holds, blocks, subnets } = snapshot;
    await this.#tellCorrupt(snapshot);
    const held = new Set(holds.map(({ subnet }) => subnet));
    const own = holds.filter((hold) => hold.node === node);
    const withOurs = new Set(blocks.filter((block) => isOf(block, node)).map(({ subnet }) => subnet));
    const ours = new Set(own.map(({ subnet }) => subnet));
    const unheld = subnets
      .filter(({ cidr, use }) => !ours.has(cidr) && (withOurs.has(cidr) || use === 'resting' || !held.has(cidr)))
      .map(({ cidr }) => cidr);
    for (const cidr of [...ours, ...unheld]) this.#registry.known.add(cidr);
    this.#whole = { at: clock.now(), records: holds.length + blocks.length };
    return { holds: own, blocks, unheld };
  }

  async #lookAtKnown(): Promise<Look> {
    const { ledger, node } = this.#context;
    const holds: SubnetHold[] = [];
    const blocks: Block[] = [];
    const unheld: Cidr[] = [];
    for (const cidr of this.#registry.known) {
      // One at a time: requests of Docker's are decided in between.
      const hold = await ledger.run({ fresh: true, decide: (draft) => holdOf(draft, cidr, node) });
      if (hold === undefined) unheld.push(cidr);
      else holds.push(hold);
      blocks.push(
        ...(await ledger.run({ fresh: true, decide: (draft) => draft.list(BlockRecord, blocksPrefix(cidr)) })),
      );
    }
    return { holds, blocks, unheld };
  }

  /** The ledger reads what cannot be read, and what could not be read before: it then knows which are bad now. */
  async #tellCorrupt({ corrupt }: IpamSnapshot): Promise<void> {
    const { ledger, log } = this.#context;
    const before = new Set(ledger.corrupt().map(({ key }) => key));
    for (const record of corrupt) {
      if (!before.has(record.key)) log.error({ key: record.key }, describeError(record));
    }
    for (const key of new Set([...before, ...corrupt.map((record) => record.key)])) {
      const kind = KINDS.find(({ prefix }) => key.startsWith(prefix));
      if (kind === undefined) continue;
      await ledger.run({ fresh: true, decide: (draft) => draft.read(kind, key) }).catch((error: unknown) => {
        if (!(error instanceof CorruptRecordError)) throw error;
      });
    }
  }
}
