import type { HostRoute } from '../src/effects/host-routes.js';
import { type Cidr, cidrKey, contains, overlaps, prefixLengthOf, sizeOf } from '../src/model/cidr.js';
import { ConflictError, InvalidRequestError, NotFoundError } from '../src/model/errors.js';
import type { NodeName } from '../src/model/ids.js';
import { familyOf, type IpFamily } from '../src/model/ip-address.js';
import type { Pool } from '../src/model/pool.js';
import { whyNotForContainers } from '../src/model/special-ranges.js';
import { SMALLEST_SUBNET } from './address-rules.js';
import { byCidr } from './cidr-order.js';
import { newPool } from './new-pool.js';
import { isAnyOfSize, nextFreeSubnet } from './subnet-carving.js';

/** What `docker network create` says about one subnet. */
export interface SubnetRequest {
  readonly family: IpFamily;
  /** `--subnet` */
  readonly cidr?: Cidr | undefined;
  /** `--ip-range` */
  readonly range?: Cidr | undefined;
  /** `--ipam-opt pool=NAME` */
  readonly poolName?: string | undefined;
}

/** A subnet as far as a new network is concerned. */
export interface TakenSubnet {
  readonly cidr: Cidr;
  /** A network has it; else it is free, and may still have addresses that cool down. */
  readonly used: boolean;
  /** A network of this node has it. */
  readonly ours: boolean;
}

/** What stands already. */
export interface AddressingState {
  readonly node: NodeName;
  readonly pools: readonly Pool[];
  readonly subnets: readonly TakenSubnet[];
  /** Subnets whose records are corrupt: who uses them is not known, so that nobody else may. */
  readonly unreadable: readonly Cidr[];
  readonly hostRoutes: readonly HostRoute[];
  readonly autoPools: boolean;
  readonly nodeMatches: (selector: string) => boolean;
  /** Names of this node's networks that have the subnet, for messages. */
  readonly networksOn: (subnet: Cidr) => readonly string[];
}

export interface PoolChoice {
  readonly cidr: Cidr;
  readonly pool: Pool;
  /** The pool does not exist yet, and is made together with the subnet. */
  readonly isNewPool: boolean;
}

/** Which subnet a network gets, of which pool. @throws with the way out, if it cannot be had */
export function choosePool(request: SubnetRequest, state: AddressingState): PoolChoice {
  const { cidr, range } = request;
  if (cidr === undefined || isAnyOfSize(cidr)) {
    if (range !== undefined)
      throw new InvalidRequestError(
        `--ip-range ${range} needs a --subnet around it; add --subnet, or leave --ip-range out`,
      );
    return carve(request, state, cidr === undefined ? 0 : prefixLengthOf(cidr));
  }
  if (range !== undefined && !contains(cidr, range))
    throw new InvalidRequestError(
      `--ip-range ${range} is not inside --subnet ${cidr}; choose a range inside the subnet`,
    );
  if (sizeOf(cidr) < SMALLEST_SUBNET)
    throw new InvalidRequestError(
      `--subnet ${cidr} has one address, and a network needs two, for its gateway and a container; choose a larger one`,
    );
  const special = whyNotForContainers(cidr);
  if (special !== undefined)
    throw new InvalidRequestError(
      `containers cannot have addresses of --subnet ${cidr}: ${special}; choose another, or leave --subnet out`,
    );
  return chooseNamed(cidr, request, state);
}

function chooseNamed(cidr: Cidr, request: SubnetRequest, state: AddressingState): PoolChoice {
  const around = state.pools.find((pool) => contains(pool.cidr, cidr));
  if (request.poolName !== undefined) {
    const named = poolNamed(request.poolName, state);
    if (named.cidr !== around?.cidr)
      throw new InvalidRequestError(
        `--subnet ${cidr} is not inside pool ${named.name} (${named.cidr}); choose a subnet inside it, or leave one of the two out`,
      );
  }
  if (around !== undefined) requireUsable(around, state);
  const inPart = around === undefined ? state.pools.find((pool) => overlaps(pool.cidr, cidr)) : undefined;
  if (inPart !== undefined)
    throw new ConflictError(
      `--subnet ${cidr} overlaps pool ${inPart.name} (${inPart.cidr}) without being inside it; choose a subnet inside the pool or outside every pool`,
    );
  requireClear(cidr, cidr === around?.cidr, state);
  if (around !== undefined) return { cidr, pool: around, isNewPool: false };
  if (!state.autoPools)
    throw new NotFoundError(
      `no pool has ${cidr}: ${listPools(state.pools)}; add it with "corduroy pool add ${cidr}", or leave --subnet out to get a subnet of a pool`,
    );
  return { cidr, pool: newPool({ cidr }), isNewPool: true };
}

/** A subnet that is a whole pool is shared by all networks that name it; any other is for one network. */
function requireClear(cidr: Cidr, isWholePool: boolean, state: AddressingState): void {
  const unreadable = state.unreadable.find((subnet) => overlaps(subnet, cidr));
  if (unreadable !== undefined)
    throw new ConflictError(
      `--subnet ${cidr} overlaps ${unreadable}, whose record in the datastore cannot be read; run "corduroy ipam check", or choose another subnet`,
    );
  const used = state.subnets.filter((subnet) => subnet.used && overlaps(subnet.cidr, cidr));
  const other = used.find((subnet) => subnet.cidr !== cidr);
  if (other !== undefined)
    throw new ConflictError(
      isWholePool
        ? `--subnet ${cidr} is a pool that has networks with subnets of their own, such as ${other.cidr}${nameNetworks(other.cidr, state)}; choose a subnet inside it, or add another pool to share`
        : `--subnet ${cidr} overlaps subnet ${other.cidr}${nameNetworks(other.cidr, state)}; choose another subnet`,
    );
  const ours = used.some((subnet) => subnet.ours);
  if (ours && !isWholePool)
    throw new ConflictError(
      `--subnet ${cidr} is in use on this node${nameNetworks(cidr, state) || ' by a network that is being created, or was not finished'}; choose another subnet, or remove that network`,
    );
  const route = ours ? undefined : state.hostRoutes.find(({ destination }) => overlaps(destination, cidr));
  if (route !== undefined)
    throw new ConflictError(
      `--subnet ${cidr} overlaps this host's route to ${route.destination} (${route.description}); choose another subnet`,
    );
}

function carve(request: SubnetRequest, state: AddressingState, size: number): PoolChoice {
  const { family, poolName } = request;
  const candidates =
    poolName === undefined ? usablePools(family, state) : [requireUsable(poolNamed(poolName, state), state)];
  const foreign = candidates.find((pool) => familyOf(pool.cidr) !== family);
  if (foreign !== undefined)
    throw new InvalidRequestError(
      `pool ${foreign.name} (${foreign.cidr}) has no IPv${family} addresses; --ipam-opt pool= holds for every family of the network: give --subnet for each instead`,
    );
  for (const pool of candidates) {
    const length = size === 0 ? pool.networkPrefix : size;
    // One that nobody uses only keeps addresses cooling: it can be used again as it is, but not in part.
    const cidr = nextFreeSubnet(pool.cidr, length, [
      ...state.subnets.filter((s) => s.used || prefixLengthOf(s.cidr) !== length).map((s) => s.cidr),
      ...state.unreadable,
      ...state.hostRoutes.map(({ destination }) => destination),
    ]);
    if (cidr !== undefined) return { cidr, pool, isNewPool: false };
  }
  throw noneLeft(request, candidates, state);
}

function noneLeft(request: SubnetRequest, candidates: readonly Pool[], state: AddressingState): ConflictError {
  const what = `no subnet is free for an IPv${request.family} network`;
  const cure = `add a pool with "corduroy pool add CIDR", or give --subnet`;
  if (candidates.length === 0)
    return new ConflictError(`${what}: there is no usable pool (${listPools(state.pools)}); ${cure}`);
  const counts = candidates.map((pool) => {
    const used = state.subnets.filter((s) => s.used && contains(pool.cidr, s.cidr)).length;
    const routes = state.hostRoutes.filter(({ destination }) => overlaps(destination, pool.cidr)).length;
    return `${pool.cidr} has ${used} subnets in use${routes > 0 ? ` and ${routes} host routes in it` : ''}`;
  });
  return new ConflictError(`${what}: ${counts.join(', ')}; ${cure}`);
}

const usablePools = (family: IpFamily, state: AddressingState): readonly Pool[] =>
  byCidr(state.pools).filter((pool) => familyOf(pool.cidr) === family && !pool.disabled && selects(pool, state));

const selects = (pool: Pool, state: AddressingState): boolean =>
  pool.nodeSelector === undefined || state.nodeMatches(pool.nodeSelector);

function poolNamed(name: string, state: AddressingState): Pool {
  const pool = state.pools.find((p) => p.name === name || p.cidr === name);
  if (pool !== undefined) return pool;
  throw new NotFoundError(`there is no pool ${JSON.stringify(name.slice(0, 140))}: ${listPools(state.pools)}`);
}

function requireUsable(pool: Pool, state: AddressingState): Pool {
  if (pool.disabled)
    throw new InvalidRequestError(
      `pool ${pool.name} is disabled: it takes no new network; enable it with "corduroy pool set ${pool.name} --enable", or choose another`,
    );
  if (!selects(pool, state))
    throw new InvalidRequestError(
      `pool ${pool.name} is not for node ${state.node}: its node selector ${JSON.stringify(pool.nodeSelector)} does not select it; choose another pool`,
    );
  return pool;
}

/** For messages: `the pools are 10.64.0.0/12 and web (10.80.0.0/16)`. */
export function listPools(pools: readonly Pool[]): string {
  const texts = byCidr(pools).map(({ cidr, name, disabled }) => {
    const shown = name === cidrKey(cidr) ? cidr : `${name} (${cidr})`;
    return disabled ? `${shown}, disabled` : shown;
  });
  return texts.length === 0 ? 'there are no pools' : `the pools are ${texts.join(', ')}`;
}

function nameNetworks(cidr: Cidr, state: AddressingState): string {
  const names = state.networksOn(cidr);
  return names.length === 0 ? '' : ` of network ${names.join(', ')}`;
}
