import { type Block, BlockRecord, blockKey } from '../src/model/block.js';
import type { Cidr } from '../src/model/cidr.js';
import { HandleRecord, handleKey } from '../src/model/handle.js';
import type { NodeName } from '../src/model/ids.js';
import { type SubnetHold, SubnetHoldRecord, SubnetRecord, subnetHoldKey } from '../src/model/subnet.js';
import { type IpamContext, isoNow } from './allocation-context.js';
import { allocationsOf, disclaim, free, isEmpty } from './block.js';
import type { Draft } from './draft.js';
import { ContendedError } from './ledger.js';
import type { SubnetRegistry } from './subnet-registry.js';

/** Records that one transaction changes: with the rest of it, below etcd's limit of 128 writes. */
const AT_ONCE = 30;

/**
 * Gives up all that a node has: subnets with their reservations, addresses, handles, and the affinity of blocks. Blocks
 * in which nothing is left go, others are the next node's to claim. Again: nothing happens.
 *
 * @returns how many addresses were freed
 */
export async function releaseNode(context: IpamContext, registry: SubnetRegistry, node: NodeName): Promise<number> {
  const { ledger, ownBlocks } = context;
  const held = await ownBlocks.of(node);
  await deleteHandles(context, node, held);
  const holds = await ledger.run({ fresh: true, decide: (draft) => holdsOf(draft, node) });
  let freed = 0;
  for (const cidr of new Set([...holds.keys(), ...held.keys()])) {
    for (const { id } of holds.get(cidr)?.references ?? [])
      await registry.release({ subnet: cidr, reference: id }, node);
    const blocks = held.get(cidr) ?? [];
    for (const keys of parts(blocks.map((block) => blockKey(cidr, block)))) {
      freed += await releaseBlocks(context, node, keys);
    }
    await registry.sweep(cidr);
  }
  return freed;
}

async function holdsOf(draft: Draft, node: NodeName): Promise<ReadonlyMap<Cidr, SubnetHold>> {
  const subnets = await draft.list(SubnetRecord, SubnetRecord.prefix);
  const keys = subnets.map(({ cidr }) => subnetHoldKey(cidr, node));
  const holds = await draft.readAll(SubnetHoldRecord, keys);
  return new Map(holds.map((hold) => [hold.subnet, hold]));
}

/** Before the addresses that are bound by them: who is interrupted finds them by these. */
async function deleteHandles(
  { ledger }: IpamContext,
  node: NodeName,
  held: ReadonlyMap<Cidr, readonly Cidr[]>,
): Promise<void> {
  const keys = [...held].flatMap(([subnet, blocks]) => blocks.map((block) => blockKey(subnet, block)));
  const blocks = await ledger.run({ fresh: true, decide: (draft) => draft.readAll(BlockRecord, keys) });
  const handles = blocks
    .flatMap((block) => [...block.allocations.values()])
    .flatMap((by) => (by.state !== 'reserved' && by.node === node ? [handleKey(by.handle)] : []));
  for (const some of parts([...new Set(handles)])) {
    await ledger.run({
      fresh: true,
      decide: async (draft) => {
        for (const { id } of await draft.readAll(HandleRecord, some))
          draft.write(HandleRecord, handleKey(id), undefined);
      },
    });
  }
}

/** Many blocks in one transaction, or one where others keep changing them. @returns how many addresses were freed */
async function releaseBlocks(context: IpamContext, node: NodeName, keys: readonly string[]): Promise<number> {
  const release = (some: readonly string[]) =>
    context.ledger.run({ fresh: true, decide: (draft) => releaseSome(draft, context, node, some) });
  try {
    return await release(keys);
  } catch (error) {
    if (!(error instanceof ContendedError)) throw error;
    let freed = 0;
    for (const key of keys) freed += await release([key]);
    return freed;
  }
}

async function releaseSome(
  draft: Draft,
  context: IpamContext,
  node: NodeName,
  keys: readonly string[],
): Promise<number> {
  let freed = 0;
  for (const block of await draft.readAll(BlockRecord, keys)) {
    const after = withoutNode(block, node, isoNow(context));
    if (after === block) continue;
    draft.write(BlockRecord, blockKey(block.subnet, block.cidr), isEmpty(after) ? undefined : after);
    freed += block.allocations.size - after.allocations.size;
  }
  return freed;
}

/** The same block, if the node has nothing in it. */
function withoutNode(block: Block, node: NodeName, at: string): Block {
  let after = block;
  for (const { address, allocation } of allocationsOf(block)) {
    if (allocation.state !== 'reserved' && allocation.node === node) after = free(after, address, at);
  }
  return after.node === node ? disclaim(after) : after;
}

function* parts(keys: readonly string[]): Generator<readonly string[]> {
  for (let from = 0; from < keys.length; from += AT_ONCE) yield keys.slice(from, from + AT_ONCE);
}
