import { type Block, BlockRecord, blockKey } from '../src/model/block.js';
import { networkOf } from '../src/model/cidr.js';
import type { IpAddress } from '../src/model/ip-address.js';
import type { Reservation, SubnetHold, SubnetReference } from '../src/model/subnet.js';
import { defaultGateway } from './address-rules.js';
import { type IpamContext, isoNow } from './allocation-context.js';
import { AddressTakenError } from './allocation-errors.js';
import { allocationOf, claim, emptyBlock, reassign } from './block.js';
import type { Draft } from './draft.js';
import { placeOf, referenceOf, requireInside, requireReference } from './place.js';
import type { PoolId } from './pool-id.js';
import { endReservation, settleReservation, writeHold } from './subnet-holds.js';

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
  async release(id: PoolId, address: IpAddress): Promise<boolean> {
    const { ledger, node } = this.#context;
    const ended = await ledger.run({
      decide: async (draft) => {
        const found = await referenceOf(draft, id, node);
        if (found === undefined) return undefined;
        const reservations = found.reference.reservations.filter((r) => r.address !== address);
        if (reservations.length === found.reference.reservations.length) return undefined;
        replaceReference(draft, found.hold, { ...found.reference, reservations });
        return (await endReservation(draft, found.subnet, address)) ? found.subnet : undefined;
      },
    });
    if (ended === undefined) return false;
    await ledger.run({ decide: (draft) => settleReservation(draft, ended, address) });
    return true;
  }

  async #decide(draft: Draft, id: PoolId, { address, purpose }: Reservation): Promise<void> {
    const { node } = this.#context;
    await placeOf(draft, id, this.#context);
    const { subnet, hold, reference } = await requireReference(draft, id, node);
    const cidr = networkOf(address, subnet.blockLength);
    const key = blockKey(subnet.cidr, cidr);
    const block = (await draft.read(BlockRecord, key)) ?? emptyBlock({ cidr, subnet: subnet.cidr });
    const by = allocationOf(block, address);
    if (by !== undefined && !(by.state === 'reserved' && by.purpose === purpose))
      throw new AddressTakenError(address, by, undefined);
    if (by === undefined || by.ending) draft.write(BlockRecord, key, this.#reserved(block, { address, purpose }));
    // Thousands of nodes share a gateway: they need not write its block to know that it stays reserved.
    else draft.guard(key);
    if (reference.reservations.some((r) => r.address === address)) return;
    replaceReference(draft, hold, { ...reference, reservations: [...reference.reservations, { address, purpose }] });
  }

  #reserved(block: Block, { address, purpose }: Reservation): Block {
    const since = allocationOf(block, address)?.since ?? isoNow(this.#context);
    const after = reassign(block, address, { state: 'reserved', purpose, ending: false, since });
    if (block.node !== undefined) return after;
    this.#context.ownBlocks.mayHave(block);
    return claim(after, this.#context.node, isoNow(this.#context));
  }
}

function replaceReference(draft: Draft, hold: SubnetHold, reference: SubnetReference): void {
  const references = hold.references.map((r) => (r.id === reference.id ? reference : r));
  writeHold(draft, { ...hold, references });
}
