import { type Block, BlockRecord, blockKey, blocksPrefix } from '../src/model/block.js';
import type { Cidr } from '../src/model/cidr.js';
import { HandleRecord, handleKey } from '../src/model/handle.js';
import type { NodeName } from '../src/model/ids.js';
import { SubnetRecord } from '../src/model/subnet.js';
import { type IpamContext, isoNow } from './allocation-context.js';
import { allocationsOf, disclaim, free, isEmpty } from './block.js';
import type { Draft } from './draft.js';
import { ContendedError } from './ledger.js';
import { holdOf } from './subnet-holds.js';
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
  const { ledger } = context;
  const subnets = await ledger.run({ fresh: true, decide: (draft) => draft.list(SubnetRecord, SubnetRecord.prefix) });
  let freed = 0;
  for (const { cidr } of subnets) {
    const hold = await ledger.run({ fresh: true, decide: (draft) => holdOf(draft, cidr, node) });
    for (const { id } of hold?.references ?? []) await registry.release({ subnet: cidr, reference: id }, node);
    for (let more = true; more; ) {
      const done = await releaseBlocks(context, { cidr, node });
      freed += done.freed;
      more = done.more;
    }
    await registry.sweep(cidr);
  }
  while (await ledger.run({ fresh: true, decide: (draft) => deleteSomeHandles(draft, node) }));
  return freed;
}

interface Part {
  readonly cidr: Cidr;
  readonly node: NodeName;
}

/** Many blocks in one transaction, or one where others keep changing them. */
async function releaseBlocks(context: IpamContext, part: Part): ReturnType<typeof releaseSome> {
  const release = (atOnce: number) =>
    context.ledger.run({ fresh: true, decide: (draft) => releaseSome(draft, context, { ...part, atOnce }) });
  try {
    return await release(AT_ONCE);
  } catch (error) {
    if (error instanceof ContendedError) return release(1);
    throw error;
  }
}

async function releaseSome(
  draft: Draft,
  context: IpamContext,
  { cidr, node, atOnce }: Part & { readonly atOnce: number },
): Promise<{ readonly freed: number; readonly more: boolean }> {
  const blocks = await draft.list(BlockRecord, blocksPrefix(cidr));
  const changed = blocks
    .map((block) => ({ block, after: withoutNode(block, node, isoNow(context)) }))
    .filter(({ block, after }) => after !== block);
  const now = changed.slice(0, atOnce);
  let freed = 0;
  for (const { block, after } of now) {
    draft.write(BlockRecord, blockKey(cidr, block.cidr), isEmpty(after) ? undefined : after);
    freed += block.allocations.size - after.allocations.size;
  }
  return { freed, more: changed.length > now.length };
}

/** The same block, if the node has nothing in it. */
function withoutNode(block: Block, node: NodeName, at: string): Block {
  let after = block;
  for (const { address, allocation } of allocationsOf(block)) {
    if (allocation.state !== 'reserved' && allocation.node === node) after = free(after, address, at);
  }
  return after.node === node ? disclaim(after) : after;
}

/** True: there may be more. */
async function deleteSomeHandles(draft: Draft, node: NodeName): Promise<boolean> {
  const handles = (await draft.list(HandleRecord, HandleRecord.prefix)).filter((handle) => handle.node === node);
  for (const { id } of handles.slice(0, AT_ONCE)) draft.write(HandleRecord, handleKey(id), undefined);
  return handles.length > AT_ONCE;
}
