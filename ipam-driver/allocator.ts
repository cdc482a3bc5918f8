import { type Allocation, BlockRecord, blockKey } from '../src/model/block.js';
import { networkOf } from '../src/model/cidr.js';
import { InternalError } from '../src/model/errors.js';
import { type EndpointId, parseHandleId } from '../src/model/ids.js';
import type { IpAddress } from '../src/model/ip-address.js';
import { isChoosable } from './address-rules.js';
import { type IpamContext, isoNow, newId } from './allocation-context.js';
import { AddressTakenError, QuietNeededError, StillInUseError } from './allocation-errors.js';
import { findAnyAddress } from './any-address.js';
import { allocationOf, assign, emptyBlock, isCooling, lastFresh, release } from './block.js';
import { claiming, mayClaim, requireBorrowing } from './block-sharing.js';
import type { Choice, Place } from './choose-address.js';
import type { Draft } from './draft.js';
import { placeOf, referenceOf, requireInside } from './place.js';
import type { PoolId } from './pool-id.js';

/** How long a request waits for the kernel to forget an address that it needs: well inside Docker's deadline. */
const QUIET_WAIT_MS = 1_000;

/** Gives addresses to Docker, and takes them back. Each is one transaction; those in flight together share one. */
export class Allocator {
  readonly #context: IpamContext;

  constructor(context: IpamContext) {
    this.#context = context;
  }

  /** An address for a container, unbound. @throws AddressesExhaustedError */
  assignAny(id: PoolId, signal?: AbortSignal): Promise<IpAddress> {
    return this.#assign((draft) => this.#decideAny(draft, id), signal);
  }

  /** The address that a user named, whichever block it is in. @throws AddressTakenError */
  assignNamed(id: PoolId, address: IpAddress, signal?: AbortSignal): Promise<IpAddress> {
    requireInside(id, address);
    return this.#assign((draft) => this.#decideNamed(draft, id, address), signal);
  }

  /** Docker has no more use for it. What is not assigned, or another's, stays as it is. */
  async release(id: PoolId, address: IpAddress): Promise<void> {
    const { ledger, quiet } = this.#context;
    const freed = await ledger.run({
      decide: async (draft) => {
        const found = await referenceOf(draft, id, this.#context.node);
        if (found === undefined) return false;
        const { subnet } = found;
        const key = blockKey(subnet.cidr, networkOf(address, subnet.blockLength));
        const block = await draft.read(BlockRecord, key);
        if (block === undefined) return false;
        const after = release(block, address, this.#context.node, isoNow(this.#context));
        if (after !== block) draft.write(BlockRecord, key, after);
        return isCooling(after, address);
      },
    });
    if (freed) quiet.isQuiet(address);
  }

  /**
   * In a decision of another's: an address for the node itself, from the end of a block, where it is least likely to be
   * one that a user names for a container.
   *
   * @throws ConflictError if none is free now
   */
  async assignToNode(draft: Draft, place: Place, allocation: Allocation): Promise<IpAddress> {
    const { block, address } = await findAnyAddress(draft, this.#context, place);
    const last = lastFresh(block, (candidate) => isChoosable(candidate, place)) ?? address;
    return give(draft, { block, address: last }, allocation);
  }

  async #assign(decide: (draft: Draft) => Promise<IpAddress>, signal?: AbortSignal): Promise<IpAddress> {
    const { ledger, quiet } = this.#context;
    for (let waited = false; ; waited = true) {
      try {
        const address = await ledger.run({ decide });
        quiet.forget(address);
        return address;
      } catch (error) {
        if (!(error instanceof QuietNeededError)) throw error;
        if (waited || !(await quiet.waitForAny(error.addresses, QUIET_WAIT_MS, signal))) throw error.otherwise;
      }
    }
  }

  async #decideAny(draft: Draft, id: PoolId): Promise<IpAddress> {
    const place = await placeOf(draft, id, this.#context);
    return this.#giveUnbound(draft, await findAnyAddress(draft, this.#context, place));
  }

  async #decideNamed(draft: Draft, id: PoolId, address: IpAddress): Promise<IpAddress> {
    const { node, quiet } = this.#context;
    const { subnet, blockLength } = await placeOf(draft, id, this.#context);
    const cidr = networkOf(address, blockLength);
    const block = (await draft.read(BlockRecord, blockKey(subnet, cidr))) ?? emptyBlock({ cidr, subnet });
    const by = allocationOf(block, address);
    if (by !== undefined) throw new AddressTakenError(address, by, this.#holderOf(by));
    const isForeign = block.node !== undefined && block.node !== node;
    if (isForeign) await requireBorrowing(draft, address, block);
    if (isCooling(block, address) && !quiet.isQuiet(address))
      throw new QuietNeededError([address], new StillInUseError(address));
    const claims = block.node === undefined && (await mayClaim(draft, this.#context, subnet));
    return this.#giveUnbound(draft, claims ? claiming({ block, address }, this.#context) : { block, address });
  }

  #giveUnbound(draft: Draft, choice: Choice): IpAddress {
    const handle = parseHandleId(`unbound-${newId()}`);
    return give(draft, choice, { state: 'unbound', node: this.#context.node, handle, since: isoNow(this.#context) });
  }

  #holderOf(by: Allocation): string | undefined {
    if (by.state !== 'bound') return undefined;
    // A handle that is bound is its endpoint's id.
    const endpoint = this.#context.store.endpoints.get(by.handle as string as EndpointId)?.value;
    return endpoint?.container && `container ${endpoint.container.name}`;
  }
}

function give(draft: Draft, { block, address }: Choice, allocation: Allocation): IpAddress {
  const outcome = assign(block, address, allocation);
  if (outcome.kind === 'taken') throw new InternalError(`${address} was chosen, but it is taken; please report this`);
  draft.write(BlockRecord, blockKey(block.subnet, block.cidr), outcome.block);
  return address;
}
