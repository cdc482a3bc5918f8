import type { HostRoute, HostRoutes } from '../src/effects/host-routes.js';
import { type Block, BlockRecord, blockKey, blocksPrefix } from '../src/model/block.js';
import { type Cidr, overlaps, parseCidr, prefixLengthOf } from '../src/model/cidr.js';
import { ConflictError, describeError, InvalidRequestError } from '../src/model/errors.js';
import { type Pool, PoolRecord, poolKey } from '../src/model/pool.js';
import {
  ADDRESS_PLAN_KEY,
  AddressPlanRecord,
  parseReferenceId,
  type Subnet,
  SubnetRecord,
  type SubnetReference,
  subnetKey,
} from '../src/model/subnet.js';
import { type IpamContext, isoNow, newId } from './allocation-context.js';
import { allocationsOf, disclaim, free, isEmpty } from './block.js';
import type { Draft } from './draft.js';
import { newPool } from './new-pool.js';
import { choosePool, type SubnetRequest } from './pool-choice.js';
import type { PoolId } from './pool-id.js';
import { dropReservation } from './reservations.js';

/** Blocks that one transaction cleans up: with the rest of it, below etcd's limit of 128 writes. */
const SWEPT_AT_ONCE = 30;

/** Subnets of networks: who holds one, from RequestPool to ReleasePool. */
export class SubnetRegistry {
  readonly #context: IpamContext;
  readonly #hostRoutes: HostRoutes;

  constructor(context: IpamContext, hostRoutes: HostRoutes) {
    this.#context = context;
    this.#hostRoutes = hostRoutes;
  }

  /** @throws what `choosePool` throws */
  async request(request: SubnetRequest): Promise<PoolId> {
    const { ledger } = this.#context;
    const hostRoutes = await this.#routes();
    return ledger.run({ fresh: true, decide: (draft) => this.#decide(draft, request, hostRoutes) });
  }

  /** Its gateway and auxiliary addresses go too. False: it was not held. */
  async release(id: PoolId): Promise<boolean> {
    const held = await this.#context.ledger.run({
      decide: async (draft) => {
        const key = subnetKey(id.subnet);
        const subnet = await draft.read(SubnetRecord, key);
        const reference = subnet?.references.find((r) => r.id === id.reference);
        if (subnet === undefined || reference === undefined) return false;
        for (const { address } of reference.reservations) await dropReservation(draft, subnet, reference.id, address);
        const references = subnet.references.filter((r) => r.id !== reference.id);
        draft.write(SubnetRecord, key, { ...subnet, references });
        return true;
      },
    });
    if (held) await this.sweep(id.subnet);
    return held;
  }

  /**
   * Gives up what this node has in a subnet that it does not hold any more, and removes what is left of a subnet that
   * nobody holds, but for addresses that cool down or that an endpoint still has.
   */
  async sweep(cidr: Cidr): Promise<void> {
    for (let more = true; more; )
      more = await this.#context.ledger.run({ fresh: true, decide: (d) => this.#sweepSome(d, cidr) });
  }

  async sweepAll(): Promise<void> {
    const { ledger, node } = this.#context;
    const subnets = await ledger.run({ fresh: true, decide: (draft) => draft.list(SubnetRecord, SubnetRecord.prefix) });
    for (const { cidr, references } of subnets) {
      if (!references.some((reference) => reference.node === node)) await this.sweep(cidr);
    }
  }

  /** The first pools of a cluster that has none of a family. Returns those it made. */
  async ensureDefaultPools(defaults: readonly Cidr[]): Promise<readonly Pool[]> {
    const { ledger, node, log } = this.#context;
    const made = await ledger.run({
      fresh: true,
      decide: async (draft) => {
        await draft.read(AddressPlanRecord, ADDRESS_PLAN_KEY);
        const pools = await draft.list(PoolRecord, PoolRecord.prefix);
        // A pool whose record cannot be read is a pool: it must neither be doubled nor overwritten.
        const there = [...pools.map((pool) => pool.cidr), ...draft.corruptKeys(PoolRecord.prefix)];
        const missing = defaults
          .filter((cidr) => !there.some((other) => other.includes(':') === cidr.includes(':')))
          .map((cidr) => newPool({ cidr }));
        for (const pool of missing) draft.write(PoolRecord, poolKey(pool.cidr), pool);
        if (missing.length > 0) draft.write(AddressPlanRecord, ADDRESS_PLAN_KEY, { changedBy: node });
        return missing;
      },
    });
    for (const cidr of defaults) {
      const pool = made.find((p) => p.cidr === cidr);
      if (pool === undefined) log.debug({ pool: cidr }, 'the default pool is not made: there are pools of its family');
      else log.info({ pool: cidr, natOutgoing: pool.natOutgoing }, 'made the default pool');
    }
    return made;
  }

  async #routes(): Promise<readonly HostRoute[]> {
    try {
      return await this.#hostRoutes.list();
    } catch (error) {
      this.#context.log.warn(
        { error: describeError(error) },
        "the host's routes cannot be read; the new network's subnet was not compared with them",
      );
      return [];
    }
  }

  async #decide(draft: Draft, request: SubnetRequest, hostRoutes: readonly HostRoute[]): Promise<PoolId> {
    const { node, store, settings, nodeMatches } = this.#context;
    // Read first: a plan that is the same when we commit means that the lists below are complete.
    await draft.read(AddressPlanRecord, ADDRESS_PLAN_KEY);
    const pools = await draft.list(PoolRecord, PoolRecord.prefix);
    const subnets = await draft.list(SubnetRecord, SubnetRecord.prefix);
    const choice = choosePool(request, {
      node,
      pools,
      subnets,
      unreadable: draft.corruptKeys(SubnetRecord.prefix).flatMap(subnetOfKey),
      hostRoutes,
      autoPools: settings.autoPools,
      nodeMatches,
      networksOn: (subnet) => networksOn(store, subnet),
    });
    const { cidr, pool } = choice;
    if (choice.isNewPool) draft.write(PoolRecord, poolKey(pool.cidr), pool);
    for (const left of subnets) if (left.cidr !== cidr && overlaps(left.cidr, cidr)) await removeSubnet(draft, left);
    const existing = subnets.find((subnet) => subnet.cidr === cidr);
    const blockLength = Math.max(pool.blockSize, prefixLengthOf(cidr));
    const subnet: Subnet = existing ?? { cidr, pool: pool.cidr, blockLength, references: [] };
    const reference: SubnetReference = {
      id: parseReferenceId(newId()),
      node,
      requestedAt: isoNow(this.#context),
      reservations: [],
      ...(request.range === undefined ? {} : { range: request.range }),
    };
    const references = [...subnet.references, reference];
    draft.write(SubnetRecord, subnetKey(cidr), { ...subnet, pool: pool.cidr, references });
    draft.write(AddressPlanRecord, ADDRESS_PLAN_KEY, { changedBy: node });
    return { subnet: cidr, range: request.range, reference: reference.id };
  }

  /** True: there is more to do, in another transaction. */
  async #sweepSome(draft: Draft, cidr: Cidr): Promise<boolean> {
    const { node } = this.#context;
    const key = subnetKey(cidr);
    const subnet = await draft.read(SubnetRecord, key);
    if (subnet === undefined || subnet.references.some((r) => r.node === node)) return false;
    const blocks = await draft.list(BlockRecord, blocksPrefix(cidr));
    const swept = blocks.map((block) => ({ block, after: this.#sweptBlock(block, subnet) }));
    const changed = swept.filter(({ block, after }) => after !== block);
    for (const { block, after } of changed.slice(0, SWEPT_AT_ONCE))
      draft.write(BlockRecord, blockKey(cidr, block.cidr), after);
    draft.guard(key);
    if (changed.length > SWEPT_AT_ONCE) return true;
    const nothingLeft = subnet.references.length === 0 && swept.every(({ after }) => after === undefined);
    if (nothingLeft) draft.write(SubnetRecord, key, undefined);
    return false;
  }

  #sweptBlock(block: Block, subnet: Subnet): Block | undefined {
    const { node, clock, settings } = this.#context;
    const isOrphan = subnet.references.length === 0;
    if (block.node !== node && !isOrphan) return block;
    let after = block;
    for (const { address, allocation } of allocationsOf(block)) {
      if (allocation.state === 'unbound' && allocation.node === node)
        after = free(after, address, isoNow(this.#context));
    }
    const isCool = after.cooling.every(
      ({ releasedAt }) => clock.now().getTime() - new Date(releasedAt).getTime() >= settings.cooldownMs,
    );
    if (isEmpty(after) || (after.allocations.size === 0 && isCool)) return undefined;
    return after.node === node ? disclaim(after) : after;
  }
}

/** The CIDR that a subnet's key names; none if even the key is not ours. */
function subnetOfKey(key: string): Cidr[] {
  try {
    return [parseCidr(key.slice(SubnetRecord.prefix.length).replace(/-(\d+)$/, '/$1'))];
  } catch (error) {
    if (error instanceof InvalidRequestError) return [];
    throw error;
  }
}

/** With its blocks. @throws ConflictError if an endpoint still has an address of it */
export async function removeSubnet(draft: Draft, subnet: Subnet): Promise<void> {
  for (const block of await draft.list(BlockRecord, blocksPrefix(subnet.cidr))) {
    const bound = [...allocationsOf(block)].find(({ allocation }) => allocation.state === 'bound');
    if (bound !== undefined)
      throw new ConflictError(
        `the network of subnet ${subnet.cidr} is gone, but an endpoint still has its address ${bound.address}; remove that container, or run "corduroy ipam check --repair", and try again`,
      );
    draft.write(BlockRecord, blockKey(subnet.cidr, block.cidr), undefined);
  }
  draft.write(SubnetRecord, subnetKey(subnet.cidr), undefined);
}

/** Names of this node's networks that have the subnet. */
export function networksOn(store: IpamContext['store'], subnet: Cidr): readonly string[] {
  return [...store.localNetworks.values()]
    .map(({ value }) => value.network)
    .filter((name) => store.networks.get(name)?.value.subnets.some(({ cidr }) => cidr === subnet) === true);
}
