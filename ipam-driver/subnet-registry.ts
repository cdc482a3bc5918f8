import type { HostRoute, HostRoutes } from '../src/effects/host-routes.js';
import { type Cidr, overlaps, parseCidr, prefixLengthOf } from '../src/model/cidr.js';
import { describeError, InvalidRequestError } from '../src/model/errors.js';
import type { IpAddress } from '../src/model/ip-address.js';
import { PoolRecord, poolKey } from '../src/model/pool.js';
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
import type { Draft } from './draft.js';
import { networksOn } from './networks-of-subnet.js';
import { referenceOf } from './place.js';
import {
  type AddressingState,
  choosePool,
  type PoolChoice,
  type SubnetRequest,
  type TakenSubnet,
} from './pool-choice.js';
import type { PoolId } from './pool-id.js';
import { endReservation, holdOf, holdsOn, writeHold } from './subnet-holds.js';
import { removeSubnet } from './subnet-removal.js';
import { sweepSome } from './sweep-subnet.js';

/** Subnets of networks: who holds one, from RequestPool to ReleasePool. */
export class SubnetRegistry {
  readonly #context: IpamContext;
  readonly #hostRoutes: HostRoutes;
  /** Subnets that this node holds, or in which it may have something left. */
  readonly known = new Set<Cidr>();

  constructor(context: IpamContext, hostRoutes: HostRoutes) {
    this.#context = context;
    this.#hostRoutes = hostRoutes;
  }

  /** @throws what `choosePool` throws */
  async request(request: SubnetRequest): Promise<PoolId> {
    const { ledger } = this.#context;
    const hostRoutes = await this.#routes();
    const joined = await ledger.run({ decide: (draft) => this.#join(draft, request, hostRoutes) });
    const id = joined ?? (await ledger.run({ fresh: true, decide: (draft) => this.#plan(draft, request, hostRoutes) }));
    this.known.add(id.subnet);
    return id;
  }

  /**
   * Its gateway and auxiliary addresses go too. False: it was not held.
   *
   * @param node whose it is; this node's if absent
   */
  async release(id: PoolId, node = this.#context.node): Promise<boolean> {
    const ended = await this.#context.ledger.run({
      decide: async (draft) => {
        const found = await referenceOf(draft, id, node);
        if (found === undefined) return undefined;
        const { subnet, hold, reference } = found;
        const reserved = reference.reservations.map(({ address }) => address);
        for (const address of reserved) await endReservation(draft, subnet, address);
        writeHold(draft, { ...hold, references: hold.references.filter((r) => r.id !== reference.id) });
        return reserved;
      },
    });
    if (ended === undefined) return false;
    await this.sweep(id.subnet, ended);
    return true;
  }

  /**
   * Gives up what this node has in a subnet that it does not hold any more, and removes what is left of a subnet that
   * nobody holds, but for addresses that cool down or that an endpoint still has.
   *
   * @param ended addresses whose reservations have just ended
   */
  async sweep(cidr: Cidr, ended: readonly IpAddress[] = []): Promise<void> {
    const decide = (draft: Draft) => sweepSome(draft, this.#context, cidr, ended);
    for (;;) {
      const left = await this.#context.ledger.run({ fresh: true, decide });
      if (left === 'nothing') this.known.delete(cidr);
      if (left !== 'more') return;
    }
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

  /** A subnet that nobody uses yet: nothing may come to overlap it meanwhile. */
  async #plan(draft: Draft, request: SubnetRequest, hostRoutes: readonly HostRoute[]): Promise<PoolId> {
    const { node } = this.#context;
    // Read first: a plan that is the same when we commit means that the lists below are complete.
    await draft.read(AddressPlanRecord, ADDRESS_PLAN_KEY);
    const subnets = await draft.list(SubnetRecord, SubnetRecord.prefix);
    const taken: TakenSubnet[] = [];
    for (const subnet of subnets) taken.push(await this.#taken(draft, subnet));
    taken.push(...this.#keptForSwarm());
    const pools = await draft.list(PoolRecord, PoolRecord.prefix);
    const unreadable = draft.corruptKeys(SubnetRecord.prefix).flatMap(subnetOfKey);
    const { cidr, pool, isNewPool } = this.#choose(request, { pools, subnets: taken, unreadable, hostRoutes });
    if (isNewPool) draft.write(PoolRecord, poolKey(pool.cidr), pool);
    for (const left of subnets) if (left.cidr !== cidr && overlaps(left.cidr, cidr)) await removeSubnet(draft, left);
    const blockLength = Math.max(pool.blockSize, prefixLengthOf(cidr));
    const existing = subnets.find((subnet) => subnet.cidr === cidr) ?? { cidr, blockLength };
    draft.write(SubnetRecord, subnetKey(cidr), { ...existing, pool: pool.cidr, use: 'used' });
    draft.write(AddressPlanRecord, ADDRESS_PLAN_KEY, { changedBy: node });
    return this.#hold(draft, cidr, request);
  }

  /** A subnet that others use is joined by comparing its record: it overlaps nothing, and nobody can take it away unseen. */
  async #join(draft: Draft, request: SubnetRequest, hostRoutes: readonly HostRoute[]): Promise<PoolId | undefined> {
    const { cidr } = request;
    const again = cidr && (await this.#heldForSwarm(draft, cidr));
    if (again !== undefined) return { subnet: again.subnet, range: request.range, reference: again.reference };
    const key = cidr && subnetKey(cidr);
    const subnet = key === undefined ? undefined : await draft.read(SubnetRecord, key).catch(() => undefined);
    const pools = [...this.#context.store.pools.values()].map(({ value }) => value);
    const isKnown = pools.some((pool) => pool.cidr === subnet?.pool);
    if (key === undefined || subnet?.use !== 'used' || !isKnown) return undefined;
    this.#choose(request, { pools, subnets: [await this.#taken(draft, subnet)], unreadable: [], hostRoutes });
    draft.guard(key);
    return this.#hold(draft, subnet.cidr, request);
  }

  /** After a power failure Docker makes a network of Swarm's again without having released it. */
  async #heldForSwarm(draft: Draft, cidr: Cidr): Promise<Omit<PoolId, 'range'> | undefined> {
    if (!this.#keptForSwarm().some((subnet) => subnet.cidr === cidr)) return undefined;
    const [reference] = (await holdOf(draft, cidr, this.#context.node))?.references ?? [];
    return reference && { subnet: cidr, reference: reference.id };
  }

  /** Between two tasks no node holds them. */
  #keptForSwarm(): readonly TakenSubnet[] {
    return [...this.#context.store.networks.values()]
      .filter(({ value }) => value.swarm === true)
      .flatMap(({ value }) => value.subnets.map(({ cidr }) => ({ cidr, used: true, ours: false })));
  }

  async #taken(draft: Draft, { cidr, use }: Subnet): Promise<TakenSubnet> {
    // What rests may have a holder all the same, if whoever found it without one stopped half-way.
    const used = use === 'used' || (await holdsOn(draft, cidr)).length > 0;
    return { cidr, used, ours: used && (await holdOf(draft, cidr, this.#context.node)) !== undefined };
  }

  #choose(
    request: SubnetRequest,
    found: Pick<AddressingState, 'pools' | 'subnets' | 'unreadable' | 'hostRoutes'>,
  ): PoolChoice {
    const { node, store, settings, nodeMatches } = this.#context;
    const { autoPools } = settings;
    return choosePool(request, {
      ...found,
      node,
      autoPools,
      nodeMatches,
      networksOn: (subnet) => networksOn(store, subnet),
    });
  }

  async #hold(draft: Draft, subnet: Cidr, { range }: SubnetRequest): Promise<PoolId> {
    const { node } = this.#context;
    const reference: SubnetReference = {
      id: parseReferenceId(newId()),
      requestedAt: isoNow(this.#context),
      reservations: [],
      ...(range === undefined ? {} : { range }),
    };
    const before = await holdOf(draft, subnet, node);
    writeHold(draft, { subnet, node, references: [...(before?.references ?? []), reference] });
    return { subnet, range, reference: reference.id };
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
