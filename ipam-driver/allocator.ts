import { type Allocation, type Block, BlockRecord, blockKey, blocksPrefix } from '../src/model/block.js';
import { type Cidr, networkOf } from '../src/model/cidr.js';
import { ConflictError, CorduroyError, InternalError } from '../src/model/errors.js';
import { type EndpointId, parseHandleId } from '../src/model/ids.js';
import type { IpAddress } from '../src/model/ip-address.js';
import { isChoosable } from './address-rules.js';
import { type IpamContext, isoNow, newId } from './allocation-context.js';
import { AddressesExhaustedError, AddressTakenError } from './allocation-errors.js';
import { allocationOf, assign, emptyBlock, isCooling, nextFresh, release } from './block.js';
import { blockOrder } from './block-order.js';
import { type Choice, chooseCooling, chooseUnused, longestFreed, type Place, sortBlocks } from './choose-address.js';
import type { Draft } from './draft.js';
import { placeOf, requireInside, subnetOf } from './place.js';
import type { PoolId } from './pool-id.js';
import { usageOf } from './usage.js';

/** How long a request waits for the kernel to forget an address that it needs: well inside Docker's deadline. */
const QUIET_WAIT_MS = 1_000;

/** Nothing but addresses that the kernel has not forgotten: not a failure yet. */
class QuietNeededError extends CorduroyError {
  readonly addresses: readonly IpAddress[];
  readonly otherwise: CorduroyError;
  constructor(addresses: readonly IpAddress[], otherwise: CorduroyError) {
    super(otherwise.message);
    this.addresses = addresses;
    this.otherwise = otherwise;
  }
}

/** Gives addresses to Docker, and takes them back. Each is one transaction; those in flight together share one. */
export class Allocator {
  readonly #context: IpamContext;

  constructor(context: IpamContext) {
    this.#context = context;
  }

  /**
   * An address for a container, unbound: of this node's blocks, else of a block claimed now, else borrowed from another
   * node's block, else one whose cool-down is cut short.
   *
   * @throws AddressesExhaustedError
   */
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
        const subnet = await subnetOf(draft, id).catch(() => undefined);
        if (subnet === undefined) return false;
        const key = blockKey(subnet.cidr, networkOf(address, subnet.blockLength));
        const block = await draft.read(BlockRecord, key);
        if (block === undefined) return false;
        const after = release(block, address, isoNow(this.#context));
        if (after !== block) draft.write(BlockRecord, key, after);
        return isCooling(after, address);
      },
    });
    if (freed) quiet.isQuiet(address);
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
    const { node, settings } = this.#context;
    const place = await placeOf(draft, id, this.#context);
    const rules = this.#coolingRules();
    const blocks = await draft.list(BlockRecord, blocksPrefix(place.subnet));
    const { own, unclaimed, others } = sortBlocks(blocks, place, node);
    const easy = chooseUnused(own, place, rules);
    if (easy !== undefined) return this.#give(draft, easy);

    draft.requireFresh();
    const claimed = chooseUnused(unclaimed, place, rules);
    if (claimed !== undefined) return this.#give(draft, { ...claimed, block: { ...claimed.block, node } });
    const created = this.#claimNew(draft, place, own.at(-1)?.cidr);
    if (created !== undefined) return this.#give(draft, created);
    const reachable = settings.strictAffinity ? [...own, ...unclaimed] : [...own, ...unclaimed, ...others];
    const borrowed = settings.strictAffinity ? undefined : chooseUnused(others, place, rules);
    const last = borrowed ?? chooseCooling(reachable, place, rules);
    if (last !== undefined) return this.#give(draft, last);
    const where = place.range ?? place.subnet;
    const exhausted = new AddressesExhaustedError(where, usageOf(where, blocks), {
      cooldownMs: settings.cooldownMs,
      strict: settings.strictAffinity,
    });
    const hopes = longestFreed(reachable, place).map(({ address }) => address);
    throw hopes.length === 0 ? exhausted : new QuietNeededError(hopes.slice(0, 64), exhausted);
  }

  #claimNew(draft: Draft, place: Place, after: Cidr | undefined): Choice | undefined {
    const { node } = this.#context;
    const { subnet, blockLength, range } = place;
    for (const cidr of blockOrder({ within: range ?? subnet, blockLength, node, after })) {
      if (draft.exists(blockKey(subnet, cidr))) continue;
      const block = emptyBlock({ cidr, subnet, node });
      const address = nextFresh(block, (candidate) => isChoosable(candidate, place));
      if (address !== undefined) return { block, address };
    }
    return undefined;
  }

  async #decideNamed(draft: Draft, id: PoolId, address: IpAddress): Promise<IpAddress> {
    const { node, settings, quiet } = this.#context;
    const { subnet, blockLength } = await placeOf(draft, id, this.#context);
    const cidr = networkOf(address, blockLength);
    const block = (await draft.read(BlockRecord, blockKey(subnet, cidr))) ?? emptyBlock({ cidr, subnet, node });
    const by = allocationOf(block, address);
    if (by !== undefined) throw new AddressTakenError(address, by, this.#holderOf(by));
    if (settings.strictAffinity && block.node !== undefined && block.node !== node)
      throw new NotOurBlockError(address, block);
    if (isCooling(block, address) && !quiet.isQuiet(address))
      throw new QuietNeededError([address], new StillInUseError(address));
    return this.#give(draft, { block: { ...block, node: block.node ?? node }, address });
  }

  #give(draft: Draft, { block, address }: Choice): IpAddress {
    const handle = parseHandleId(`unbound-${newId()}`);
    const allocation: Allocation = { state: 'unbound', node: this.#context.node, handle, since: isoNow(this.#context) };
    const outcome = assign(block, address, allocation);
    if (outcome.kind === 'taken') throw new InternalError(`${address} was chosen, but it is taken; please report this`);
    draft.write(BlockRecord, blockKey(block.subnet, block.cidr), outcome.block);
    return address;
  }

  #coolingRules() {
    const { clock, settings, quiet } = this.#context;
    return {
      now: clock.now(),
      cooldownMs: settings.cooldownMs,
      isQuiet: (address: IpAddress) => quiet.isQuiet(address),
    };
  }

  #holderOf(by: Allocation): string | undefined {
    if (by.state !== 'bound') return undefined;
    // A handle that is bound is its endpoint's id.
    const endpoint = this.#context.store.endpoints.get(by.handle as string as EndpointId)?.value;
    return endpoint?.container && `container ${endpoint.container.name}`;
  }
}

class NotOurBlockError extends ConflictError {
  constructor(address: IpAddress, block: Block) {
    super(
      `${address} cannot be given here: its block ${block.cidr} belongs to node ${block.node}, and strict affinity is on; start the container there, choose another address, or turn strict affinity off`,
    );
  }
}

class StillInUseError extends ConflictError {
  constructor(address: IpAddress) {
    super(
      `${address} cannot be given yet: the kernel still has routes or connections of the container that had it; try again in some seconds`,
    );
  }
}
