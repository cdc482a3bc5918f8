import { type Allocation, type Block, BlockRecord, blockKey, blocksPrefix } from '../src/model/block.js';
import { type Cidr, networkOf, prefixLengthOf } from '../src/model/cidr.js';
import { ConflictError, type CorduroyError, InternalError } from '../src/model/errors.js';
import { type EndpointId, parseHandleId } from '../src/model/ids.js';
import type { IpAddress } from '../src/model/ip-address.js';
import {
  DEFAULT_IPAM_SETTINGS,
  IPAM_SETTINGS_KEY,
  type IpamSettings,
  IpamSettingsRecord,
} from '../src/model/ipam-settings.js';
import { isChoosable } from './address-rules.js';
import { type IpamContext, isoNow, newId } from './allocation-context.js';
import { AddressesExhaustedError, AddressTakenError } from './allocation-errors.js';
import {
  allocationOf,
  assign,
  claim,
  emptyBlock,
  isCooling,
  isVacantSince,
  lastFresh,
  nextFresh,
  release,
} from './block.js';
import { blockOrder, likelyBlocks } from './block-order.js';
import {
  type Choice,
  type CoolingRules,
  chooseCooling,
  chooseUnused,
  coolBy,
  longestFreed,
  type Place,
  sortBlocks,
  usableBlocks,
} from './choose-address.js';
import type { Draft } from './draft.js';
import { placeOf, referenceOf, requireInside } from './place.js';
import type { PoolId } from './pool-id.js';
import { usageOf } from './usage.js';

/** How long a request waits for the kernel to forget an address that it needs: well inside Docker's deadline. */
const QUIET_WAIT_MS = 1_000;
/** A subnet with so many places for blocks has all its blocks read at once. */
const FEW_PLACES = 64;
/** A block that was claimed later than this is about to be used, however empty it is. */
const CLAIM_GRACE_MS = 60_000;

/** Nothing but addresses that the kernel has not forgotten: not a failure yet. */
class QuietNeededError extends ConflictError {
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
   * An address for a container, unbound: of this node's blocks, else of a block claimed now or taken over from a node
   * that has nothing in it, else borrowed from another node's block, else one whose cool-down is cut short.
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

  /**
   * In a decision of another's: an address for the node itself, from the end of a block, where it is least likely to be
   * one that a user names for a container.
   *
   * @throws ConflictError if none is free now
   */
  async assignToNode(draft: Draft, place: Place, allocation: Allocation): Promise<IpAddress> {
    const { block, address } = await this.#chooseAny(draft, place);
    const last = lastFresh(block, (candidate) => isChoosable(candidate, place)) ?? address;
    return give(draft, { block, address: last }, allocation);
  }

  async #decideAny(draft: Draft, id: PoolId): Promise<IpAddress> {
    return this.#give(draft, await this.#chooseAny(draft, await placeOf(draft, id, this.#context)));
  }

  async #chooseAny(draft: Draft, place: Place): Promise<Choice> {
    const { node, settings } = this.#context;
    const rules = this.#coolingRules();
    const own = usableBlocks(await this.#ownBlocks(draft, place.subnet), place);
    const easy = chooseUnused(own, place, rules);
    if (easy !== undefined) return easy;

    draft.requireFresh();
    const { strictAffinity, maxBlocksPerHost } = await sharingRules(draft);
    const mayClaim = await this.#mayClaim(draft, place.subnet);
    const soonFound = mayClaim ? await this.#findFree(draft, { place, rules, after: own.at(-1)?.cidr }) : undefined;
    if (soonFound !== undefined) return this.#claimed(soonFound);

    const blocks = await draft.list(BlockRecord, blocksPrefix(place.subnet));
    const { unclaimed, others } = sortBlocks(usableBlocks(blocks, place), node);
    const claimable = mayClaim ? this.#claimable(draft, { place, rules, own, unclaimed, others }) : undefined;
    if (claimable !== undefined) return this.#claimed(claimable);
    const borrowed = strictAffinity ? undefined : chooseUnused(others, place, rules);
    const reachable = [...own, ...(mayClaim ? unclaimed : []), ...(strictAffinity ? [] : others)];
    const last = borrowed ?? chooseCooling(reachable, place, rules);
    if (last !== undefined) return last;
    const where = place.range ?? place.subnet;
    const exhausted = new AddressesExhaustedError(where, usageOf(where, blocks), {
      cooldownMs: settings.cooldownMs,
      strict: strictAffinity,
      atMostBlocks: mayClaim ? undefined : maxBlocksPerHost,
    });
    const hopes = [...longestFreed(reachable, place)].filter((freed) => freed.node === node);
    throw hopes.length === 0
      ? exhausted
      : new QuietNeededError(
          hopes.slice(0, 64).map(({ address }) => address),
          exhausted,
        );
  }

  /** Those that this node may assign from freely. */
  async #ownBlocks(draft: Draft, subnet: Cidr): Promise<readonly Block[]> {
    const { node, ownBlocks } = this.#context;
    return (await ownBlocks.in(draft, subnet)).filter((block) => block.node === node);
  }

  /** An address of a block that nobody has, found without a look at all of them. */
  async #findFree(
    draft: Draft,
    { place, rules, after }: { readonly place: Place; readonly rules: CoolingRules; readonly after: Cidr | undefined },
  ): Promise<Choice | undefined> {
    const { subnet, blockLength, range } = place;
    if (2 ** (blockLength - prefixLengthOf(range ?? subnet)) <= FEW_PLACES) return undefined;
    for (const likely of likelyBlocks({ within: range ?? subnet, blockLength, node: this.#context.node, after })) {
      const keys = likely.map((cidr) => blockKey(subnet, cidr));
      const there = new Map((await draft.readAll(BlockRecord, keys)).map((block) => [block.cidr, block]));
      const free = likely.flatMap((cidr) => {
        const block = there.get(cidr);
        if (block !== undefined) return block.node === undefined ? [block] : [];
        return draft.exists(blockKey(subnet, cidr)) ? [] : [emptyBlock({ cidr, subnet })];
      });
      const choice = chooseUnused(free, place, rules);
      if (choice !== undefined) return choice;
    }
    return undefined;
  }

  /** An address of a block that this node may claim: one that nobody has, a new one, or one whose node has left it empty. */
  #claimable(draft: Draft, { place, rules, own, unclaimed, others }: Claimable): Choice | undefined {
    const abandoned = (): readonly Block[] => {
      const settled = new Date(rules.now.getTime() - CLAIM_GRACE_MS);
      return others.filter(
        (block) =>
          isVacantSince(block, coolBy(rules)) &&
          (block.claimedAt === undefined || new Date(block.claimedAt) <= settled),
      );
    };
    return (
      chooseUnused(unclaimed, place, rules) ??
      this.#newBlock(draft, place, own.at(-1)?.cidr) ??
      chooseUnused(abandoned(), place, rules)
    );
  }

  #newBlock(draft: Draft, place: Place, after: Cidr | undefined): Choice | undefined {
    const { node } = this.#context;
    const { subnet, blockLength, range } = place;
    for (const cidr of blockOrder({ within: range ?? subnet, blockLength, node, after })) {
      if (draft.exists(blockKey(subnet, cidr))) continue;
      const block = emptyBlock({ cidr, subnet });
      const address = nextFresh(block, (candidate) => isChoosable(candidate, place));
      if (address !== undefined) return { block, address };
    }
    return undefined;
  }

  async #decideNamed(draft: Draft, id: PoolId, address: IpAddress): Promise<IpAddress> {
    const { node, quiet } = this.#context;
    const { subnet, blockLength } = await placeOf(draft, id, this.#context);
    const cidr = networkOf(address, blockLength);
    const block = (await draft.read(BlockRecord, blockKey(subnet, cidr))) ?? emptyBlock({ cidr, subnet });
    const by = allocationOf(block, address);
    if (by !== undefined) throw new AddressTakenError(address, by, this.#holderOf(by));
    const isForeign = block.node !== undefined && block.node !== node;
    if (isForeign) await this.#requireBorrowing(draft, address, block);
    if (isCooling(block, address) && !quiet.isQuiet(address))
      throw new QuietNeededError([address], new StillInUseError(address));
    const claims = block.node === undefined && (await this.#mayClaim(draft, subnet));
    return this.#give(draft, claims ? this.#claimed({ block, address }) : { block, address });
  }

  async #mayClaim(draft: Draft, subnet: Cidr): Promise<boolean> {
    const { maxBlocksPerHost } = await sharingRules(draft);
    return maxBlocksPerHost === undefined || (await this.#ownBlocks(draft, subnet)).length < maxBlocksPerHost;
  }

  async #requireBorrowing(draft: Draft, address: IpAddress, block: Block): Promise<void> {
    draft.requireFresh();
    if ((await sharingRules(draft)).strictAffinity) throw new NotOurBlockError(address, block);
  }

  #claimed({ block, address }: Choice): Choice {
    this.#context.ownBlocks.mayHave(block);
    return { block: claim(block, this.#context.node, isoNow(this.#context)), address };
  }

  #give(draft: Draft, choice: Choice): IpAddress {
    const handle = parseHandleId(`unbound-${newId()}`);
    return give(draft, choice, { state: 'unbound', node: this.#context.node, handle, since: isoNow(this.#context) });
  }

  #coolingRules(): CoolingRules {
    const { clock, node, settings, quiet } = this.#context;
    return {
      node,
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

interface Claimable {
  readonly place: Place;
  readonly rules: CoolingRules;
  readonly own: readonly Block[];
  readonly unclaimed: readonly Block[];
  readonly others: readonly Block[];
}

function give(draft: Draft, { block, address }: Choice, allocation: Allocation): IpAddress {
  const outcome = assign(block, address, allocation);
  if (outcome.kind === 'taken') throw new InternalError(`${address} was chosen, but it is taken; please report this`);
  draft.write(BlockRecord, blockKey(block.subnet, block.cidr), outcome.block);
  return address;
}

/** As they are when the transaction commits. */
async function sharingRules(draft: Draft): Promise<IpamSettings> {
  const settings = await draft.read(IpamSettingsRecord, IPAM_SETTINGS_KEY);
  draft.guard(IPAM_SETTINGS_KEY);
  return settings ?? DEFAULT_IPAM_SETTINGS;
}

class NotOurBlockError extends ConflictError {
  constructor(address: IpAddress, block: Block) {
    super(
      `${address} cannot be given here: its block ${block.cidr} belongs to node ${block.node}, and strict affinity is on; start the container there, choose another address, or allow it with "corduroy ipam configure --strict-affinity false"`,
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
