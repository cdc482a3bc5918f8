import { type Allocation, BlockRecord, blockKey } from '../src/model/block.js';
import { networkOf } from '../src/model/cidr.js';
import type { IpAddress } from '../src/model/ip-address.js';
import { type Reservation, type Subnet, SubnetRecord, subnetKey } from '../src/model/subnet.js';
import { defaultGateway } from './address-rules.js';
import { type IpamContext, isoNow } from './allocation-context.js';
import { AddressTakenError } from './allocation-errors.js';
import { allocationOf, assign, claim, emptyBlock, reassign, unreserve } from './block.js';
import type { Draft } from './draft.js';
import { placeOf, requireInside, subnetOf } from './place.js';
import type { PoolId } from './pool-id.js';

/**
 * Gateways and auxiliary addresses. They belong to the pool reference that asked for them, because Docker releases
 * a pool without releasing them first when a `docker network create` fails half-way. Networks of one subnet, on this
 * node or on others, may reserve the same address for the same purpose.
 */
export class Reservations {
  readonly #context: IpamContext;

  constructor(context: IpamContext) {
    this.#context = context;
  }

  /** @param address absent: the usual gateway. @throws AddressTakenError */
  async reserve(id: PoolId, purpose: Reservation['purpose'], address = defaultGateway(id.subnet)): Promise<IpAddress> {
    requireInside(id, address);
    await this.#context.ledger.run({ decide: (draft) => this.#decide(draft, id, { address, purpose }) });
    return address;
  }

  /** False: it was not reserved by this reference. */
  release(id: PoolId, address: IpAddress): Promise<boolean> {
    return this.#context.ledger.run({
      decide: async (draft) => {
        const subnet = await subnetOf(draft, id).catch(() => undefined);
        const reference = subnet?.references.find((r) => r.id === id.reference);
        if (subnet === undefined || reference === undefined) return false;
        const reservations = reference.reservations.filter((r) => r.address !== address);
        if (reservations.length === reference.reservations.length) return false;
        const wasReserved = await dropReservation(draft, subnet, id.reference, address);
        writeReference(draft, subnet, { ...reference, reservations });
        return wasReserved;
      },
    });
  }

  async #decide(draft: Draft, id: PoolId, { address, purpose }: Reservation): Promise<void> {
    const { node } = this.#context;
    await placeOf(draft, id, this.#context);
    const subnet = await subnetOf(draft, id);
    const cidr = networkOf(address, subnet.blockLength);
    const key = blockKey(subnet.cidr, cidr);
    const block = (await draft.read(BlockRecord, key)) ?? emptyBlock({ cidr, subnet: subnet.cidr });
    const by = allocationOf(block, address);
    if (by !== undefined && !(by.state === 'reserved' && by.purpose === purpose))
      throw new AddressTakenError(address, by, undefined);
    const references = new Set(by === undefined ? [] : by.references).add(id.reference);
    const since = by?.since ?? isoNow(this.#context);
    const allocation: Allocation = { state: 'reserved', purpose, references: [...references], since };
    const outcome = assign(block, address, allocation);
    const after = outcome.kind === 'assigned' ? outcome.block : reassign(block, address, allocation);
    draft.write(BlockRecord, key, block.node === undefined ? claim(after, node, isoNow(this.#context)) : after);
    const reference = subnet.references.find((r) => r.id === id.reference);
    if (reference === undefined || reference.reservations.some((r) => r.address === address)) return;
    writeReference(draft, subnet, { ...reference, reservations: [...reference.reservations, { address, purpose }] });
  }
}

/** One reference less holds the address; it is freed with the last. False: an endpoint has it, or nobody. */
export async function dropReservation(
  draft: Draft,
  subnet: Subnet,
  reference: PoolId['reference'],
  address: IpAddress,
): Promise<boolean> {
  const key = blockKey(subnet.cidr, networkOf(address, subnet.blockLength));
  const block = await draft.read(BlockRecord, key);
  const by = block === undefined ? undefined : allocationOf(block, address);
  if (block === undefined || by?.state !== 'reserved') return false;
  const references = by.references.filter((id) => id !== reference);
  draft.write(
    BlockRecord,
    key,
    references.length === 0 ? unreserve(block, address) : reassign(block, address, { ...by, references }),
  );
  return true;
}

function writeReference(draft: Draft, subnet: Subnet, reference: Subnet['references'][number]): void {
  const references = subnet.references.map((r) => (r.id === reference.id ? reference : r));
  draft.write(SubnetRecord, subnetKey(subnet.cidr), { ...subnet, references });
}
