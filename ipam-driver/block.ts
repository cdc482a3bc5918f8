import type { Allocation, Block, Cooling } from '../src/model/block.js';
import { addressAt, ordinalOf, sizeOf } from '../src/model/cidr.js';
import { isTunnelHandle } from '../src/model/handle.js';
import type { HandleId, NodeName } from '../src/model/ids.js';
import type { IpAddress } from '../src/model/ip-address.js';

/** Blocks may have at most 4096 addresses, so that their ordinals are small numbers. */
const sizeOfBlock = (block: Block): number => Number(sizeOf(block.cidr));

export const emptyBlock = (block: Pick<Block, 'cidr' | 'subnet'>): Block => ({
  ...block,
  cooling: [],
  allocations: new Map(),
});

/** The block with an affinity to the node. @param at when, ISO 8601 */
export const claim = (block: Block, node: NodeName, at: string): Block => ({ ...block, node, claimedAt: at });

/** The block without affinity: whoever claims it next has it. */
export function disclaim({ node: _node, claimedAt: _claimedAt, ...block }: Block): Block {
  return block;
}

/**
 * No container has an address of it, or had one since `until`: it can pass to another node with what is reserved in it,
 * and with nodes' tunnel addresses.
 */
export const isVacantSince = (block: Block, until: Date): boolean =>
  [...block.allocations.values()].every((by) => by.state === 'reserved' || isTunnelHandle(by.handle)) &&
  block.cooling.every(({ releasedAt }) => new Date(releasedAt) <= until);

/** The first address that nobody has had since the block began, if `eligible` likes one. */
export const nextFresh = (block: Block, eligible: (address: IpAddress) => boolean): IpAddress | undefined =>
  freshFrom(block, eligible, (n) => n);

/** The same from the other end. */
export const lastFresh = (block: Block, eligible: (address: IpAddress) => boolean): IpAddress | undefined =>
  freshFrom(block, eligible, (n) => sizeOfBlock(block) - 1 - n);

function freshFrom(
  block: Block,
  eligible: (address: IpAddress) => boolean,
  ordinalAt: (n: number) => number,
): IpAddress | undefined {
  const size = sizeOfBlock(block);
  if (block.allocations.size + block.cooling.length >= size) return undefined;
  const cooling = new Set(block.cooling.map(({ ordinal }) => ordinal));
  for (let n = 0; n < size; n++) {
    const ordinal = ordinalAt(n);
    if (block.allocations.has(ordinal) || cooling.has(ordinal)) continue;
    const address = addressAt(block.cidr, ordinal);
    if (eligible(address)) return address;
  }
  return undefined;
}

/** Freed addresses, the longest freed first. */
export const coolingAddresses = (block: Block): readonly CoolingAddress[] =>
  block.cooling.map((cooling) => coolingAddress(block, cooling));

export const coolingAddress = (block: Block, { ordinal, releasedAt, node }: Cooling): CoolingAddress => ({
  address: addressAt(block.cidr, ordinal),
  releasedAt: new Date(releasedAt),
  node,
});

export interface CoolingAddress {
  readonly address: IpAddress;
  readonly releasedAt: Date;
  /** Who had it. */
  readonly node: NodeName;
}

export const allocationOf = (block: Block, address: IpAddress): Allocation | undefined =>
  block.allocations.get(ordinalOf(block.cidr, address));

export function isCooling(block: Block, address: IpAddress): boolean {
  const ordinal = ordinalOf(block.cidr, address);
  return block.cooling.some((freed) => freed.ordinal === ordinal);
}

export type AssignOutcome =
  | { readonly kind: 'assigned'; readonly block: Block }
  | { readonly kind: 'taken'; readonly by: Allocation };

/** Gives one address away; that it has cooled down is the caller's to know. */
export function assign(block: Block, address: IpAddress, allocation: Allocation): AssignOutcome {
  const ordinal = ordinalOf(block.cidr, address);
  const by = block.allocations.get(ordinal);
  if (by !== undefined) return { kind: 'taken', by };
  return { kind: 'assigned', block: withAllocation(block, ordinal, allocation) };
}

export type BindOutcome =
  | { readonly kind: 'bound'; readonly block: Block }
  | { readonly kind: 'taken'; readonly by: Allocation }
  | { readonly kind: 'not assigned' };

/**
 * Makes an address that `node` was given an endpoint's. Binding twice to one handle changes nothing.
 *
 * An auxiliary address can become an endpoint's too: Docker's request for either looks the same, and an address
 * comes here only if our reply to that request gave it to this endpoint.
 *
 * @param reservations how many networks have it as auxiliary address
 */
export function bind(block: Block, address: IpAddress, to: Holder, reservations = 0): BindOutcome {
  const ordinal = ordinalOf(block.cidr, address);
  const by = block.allocations.get(ordinal);
  if (by === undefined) return { kind: 'not assigned' };
  if (by.state === 'bound') return by.handle === to.handle ? { kind: 'bound', block } : { kind: 'taken', by };
  const ours = by.state === 'unbound' ? by.node === to.node : by.purpose === 'auxiliary' && reservations === 1;
  if (!ours) return { kind: 'taken', by };
  const bound: Allocation = { state: 'bound', ...to, released: false };
  return { kind: 'bound', block: withAllocation(block, ordinal, bound) };
}

/**
 * The endpoint of `holder` is gone; the address stays Docker's until Docker gives it back, or is free if it has.
 * What belongs to another handle, or to nobody, stays as it is.
 */
export function unbind(block: Block, address: IpAddress, holder: Holder): Block {
  const ordinal = ordinalOf(block.cidr, address);
  const by = block.allocations.get(ordinal);
  if (by?.state !== 'bound' || by.handle !== holder.handle) return block;
  if (by.released) return withCooling(block, { ordinal, releasedAt: holder.since, node: by.node });
  return withAllocation(block, ordinal, { state: 'unbound', ...holder, node: by.node });
}

/**
 * The Docker of a node gives an address back. What another node has by now stays: the address was freed before, and given
 * away again. @param at when, ISO 8601
 */
export function release(block: Block, address: IpAddress, node: NodeName, at: string): Block {
  const ordinal = ordinalOf(block.cidr, address);
  const by = block.allocations.get(ordinal);
  if (by === undefined || by.state === 'reserved' || by.node !== node) return block;
  if (by.state === 'unbound') return withCooling(block, { ordinal, releasedAt: at, node: by.node });
  return by.released ? block : withAllocation(block, ordinal, { ...by, released: true });
}

/** Frees what nobody has any more, bound or not. What is reserved stays. */
export function free(block: Block, address: IpAddress, at: string): Block {
  const ordinal = ordinalOf(block.cidr, address);
  const by = block.allocations.get(ordinal);
  if (by === undefined || by.state === 'reserved') return block;
  return withCooling(block, { ordinal, releasedAt: at, node: by.node });
}

/** Ends a reservation. No kernel ever had a route or a connection of it, so that nothing has to cool down. */
export function unreserve(block: Block, address: IpAddress): Block {
  const allocations = new Map(block.allocations);
  allocations.delete(ordinalOf(block.cidr, address));
  return { ...block, allocations };
}

/** Replaces what is written about an assigned address. */
export const reassign = (block: Block, address: IpAddress, allocation: Allocation): Block =>
  withAllocation(block, ordinalOf(block.cidr, address), allocation);

export interface Holder {
  readonly node: NodeName;
  readonly handle: HandleId;
  /** ISO 8601: when it became, or ceased to be, the holder. */
  readonly since: string;
}

function withAllocation(block: Block, ordinal: number, allocation: Allocation): Block {
  const cooling = block.cooling.some((c) => c.ordinal === ordinal)
    ? block.cooling.filter((c) => c.ordinal !== ordinal)
    : block.cooling;
  return { ...block, cooling, allocations: new Map(block.allocations).set(ordinal, allocation) };
}

function withCooling(block: Block, cooling: Cooling): Block {
  const allocations = new Map(block.allocations);
  allocations.delete(cooling.ordinal);
  return { ...block, allocations, cooling: [...block.cooling, cooling] };
}

/** Every assigned address of a block. */
export function* allocationsOf(
  block: Block,
): Generator<{ readonly address: IpAddress; readonly allocation: Allocation }> {
  for (const [ordinal, allocation] of block.allocations) yield { address: addressAt(block.cidr, ordinal), allocation };
}

/** Nothing is in it and nothing waits: deleting it loses nothing. */
export const isEmpty = (block: Block): boolean => block.allocations.size === 0 && block.cooling.length === 0;
