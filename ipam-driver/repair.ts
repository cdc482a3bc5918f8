import { BlockRecord, blockKey } from '../src/model/block.js';
import { networkOf } from '../src/model/cidr.js';
import { HandleRecord, handleKey } from '../src/model/handle.js';
import { parseHandleId } from '../src/model/ids.js';
import { SubnetRecord, subnetKey } from '../src/model/subnet.js';
import { type IpamContext, isoNow } from './allocation-context.js';
import { assign, bind, claim, emptyBlock } from './block.js';
import type { Repair } from './check.js';
import type { Draft } from './draft.js';
import { freeIfSame } from './reclaimer.js';
import { endReservation, settleReservation } from './subnet-holds.js';

/** Does one repair if it is still needed. False: things have changed since, and nothing was done. */
export async function repair(context: IpamContext, what: Repair): Promise<boolean> {
  if (what.kind === 'free') return freeIfSame(context, what);
  if (what.kind === 'unreserve') return unreserveIfNobodys(context, what);
  return context.ledger.run({ fresh: true, decide: (draft) => decideRepair(draft, context, what) });
}

async function decideRepair(
  draft: Draft,
  context: IpamContext,
  what: Exclude<Repair, { kind: 'free' | 'unreserve' }>,
): Promise<boolean> {
  switch (what.kind) {
    case 'bind':
      return bindToEndpoint(draft, context, what);
    case 'deleteBlock': {
      const key = blockKey(what.block.subnet, what.block.cidr);
      const block = await draft.read(BlockRecord, key);
      const subnet = await draft.read(SubnetRecord, subnetKey(what.block.subnet));
      const isBound = [...(block?.allocations.values() ?? [])].some(({ state }) => state === 'bound');
      if (block === undefined || subnet !== undefined || isBound) return false;
      draft.write(BlockRecord, key, undefined);
      draft.guard(subnetKey(what.block.subnet));
      return true;
    }
    case 'deleteHandle': {
      const key = handleKey(parseHandleId(what.handle));
      if ((await draft.read(HandleRecord, key)) === undefined) return false;
      draft.write(HandleRecord, key, undefined);
      return true;
    }
  }
}

/** In two steps, so that no network can come to share the address unseen between the look and the deed. */
async function unreserveIfNobodys(
  { ledger }: IpamContext,
  { subnet, address }: Extract<Repair, { kind: 'unreserve' }>,
): Promise<boolean> {
  if (!(await ledger.run({ fresh: true, decide: (draft) => endReservation(draft, subnet, address) }))) return false;
  return ledger.run({ fresh: true, decide: (draft) => settleReservation(draft, subnet, address) });
}

async function bindToEndpoint(
  draft: Draft,
  context: IpamContext,
  { subnet, address, endpoint }: Extract<Repair, { kind: 'bind' }>,
): Promise<boolean> {
  const cidr = networkOf(address, subnet.blockLength);
  const key = blockKey(subnet.cidr, cidr);
  const block =
    (await draft.read(BlockRecord, key)) ??
    claim(emptyBlock({ cidr, subnet: subnet.cidr }), endpoint.node, isoNow(context));
  const to = { node: endpoint.node, handle: parseHandleId(endpoint.id), since: isoNow(context) };
  const fresh = assign(block, address, { state: 'bound', ...to, released: false });
  if (fresh.kind === 'assigned') {
    draft.write(BlockRecord, key, fresh.block);
    return true;
  }
  const outcome = bind(block, address, to);
  if (outcome.kind !== 'bound') return false;
  draft.write(BlockRecord, key, outcome.block);
  return true;
}
