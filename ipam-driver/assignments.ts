import type { AddressAssignments } from '../src/effects/addresses.js';
import { type Block, BlockRecord, blockKey } from '../src/model/block.js';
import { contains, networkOf } from '../src/model/cidr.js';
import { NotFoundError } from '../src/model/errors.js';
import { HandleRecord, handleKey } from '../src/model/handle.js';
import type { IpAddress } from '../src/model/ip-address.js';
import { type Subnet, SubnetRecord } from '../src/model/subnet.js';
import { type IpamContext, isoNow } from './allocation-context.js';
import { AddressTakenError } from './allocation-errors.js';
import { allocationOf, bind, isCooling, unbind } from './block.js';
import type { Draft } from './draft.js';
import { holdsOn, reservedBy } from './subnet-holds.js';

type Request = Parameters<AddressAssignments['bind']>[0];

/** Addresses become an endpoint's, and cease to be, in the endpoint's own transaction. */
export class LedgerAssignments implements AddressAssignments {
  readonly #context: IpamContext;

  constructor(context: IpamContext) {
    this.#context = context;
  }

  async bind({ addresses, handle, alongside, decided }: Request): Promise<void> {
    const { node, ledger } = this.#context;
    const decide = async (draft: Draft): Promise<void> => {
      const to = { node, handle, since: isoNow(this.#context) };
      for (const address of addresses) {
        const found = await findBlock(draft, address);
        const reservations = found === undefined ? 0 : await reservationsOf(draft, found, address);
        const outcome = found === undefined ? undefined : bind(found.block, address, to, reservations);
        if (found === undefined || outcome === undefined || outcome.kind === 'not assigned') throw notAssigned(address);
        if (outcome.kind === 'taken') throw new AddressTakenError(address, outcome.by, undefined);
        if (outcome.block !== found.block) draft.write(BlockRecord, found.key, outcome.block);
      }
      if (addresses.length > 0)
        draft.writeBlindly({
          kind: 'put',
          key: handleKey(handle),
          value: HandleRecord.encode({ id: handle, node, addresses }),
        });
      decided?.();
    };
    await ledger.run({ decide, alongside });
  }

  async unbind({ addresses, handle, alongside }: Request): Promise<void> {
    const { node, ledger, quiet } = this.#context;
    const freed = await ledger.run({
      decide: async (draft) => {
        const cooling: IpAddress[] = [];
        for (const address of addresses) {
          const found = await findBlock(draft, address);
          if (found === undefined) continue;
          const after = unbind(found.block, address, { node, handle, since: isoNow(this.#context) });
          if (after !== found.block) draft.write(BlockRecord, found.key, after);
          if (isCooling(after, address)) cooling.push(address);
        }
        if (addresses.length > 0) draft.writeBlindly({ kind: 'delete', key: handleKey(handle) });
        return cooling;
      },
      alongside,
    });
    for (const address of freed) quiet.isQuiet(address);
  }
}

/** How many networks have the address as gateway or auxiliary address. */
async function reservationsOf(draft: Draft, { subnet, block }: FoundBlock, address: IpAddress): Promise<number> {
  if (allocationOf(block, address)?.state !== 'reserved') return 0;
  return reservedBy(await holdsOn(draft, subnet.cidr, [block.cidr]), address);
}

interface FoundBlock {
  readonly subnet: Subnet;
  readonly key: string;
  readonly block: Block;
}

/** The block that holds the address, if its subnet and its block are there. */
export async function findBlock(draft: Draft, address: IpAddress): Promise<FoundBlock | undefined> {
  const subnets = await draft.list(SubnetRecord, SubnetRecord.prefix);
  const subnet = subnets.find(({ cidr }) => contains(cidr, address));
  if (subnet === undefined) return undefined;
  const key = blockKey(subnet.cidr, networkOf(address, subnet.blockLength));
  const block = await draft.read(BlockRecord, key);
  return block === undefined ? undefined : { subnet, key, block };
}

const notAssigned = (address: IpAddress): NotFoundError =>
  new NotFoundError(
    `${address} is not assigned: it was not requested from this IPAM driver, or was given back; create the network with "--ipam-driver corduroy" and start the container again`,
  );
