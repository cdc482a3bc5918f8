import type { IpamFinding } from '../src/effects/ipam-admin.js';
import type { Allocation, Block } from '../src/model/block.js';
import { type Cidr, contains, networkOf, overlaps } from '../src/model/cidr.js';
import type { Endpoint } from '../src/model/endpoint.js';
import { isTunnelHandle } from '../src/model/handle.js';
import type { NodeName } from '../src/model/ids.js';
import type { IpAddress } from '../src/model/ip-address.js';
import type { Subnet } from '../src/model/subnet.js';
import { allocationOf, allocationsOf } from './block.js';
import type { IpamSnapshot } from './ipam-snapshot.js';
import { type Assigned, UNBOUND_HORIZON_MS } from './reclaim.js';
import { reservedBy } from './subnet-holds.js';

/** What a repair would do, in words that the shell can act on. */
export type Repair =
  | { readonly kind: 'free'; readonly subnet: Cidr; readonly address: IpAddress; readonly allocation: Assigned }
  | { readonly kind: 'bind'; readonly subnet: Subnet; readonly address: IpAddress; readonly endpoint: Endpoint }
  | { readonly kind: 'unreserve'; readonly subnet: Subnet; readonly address: IpAddress }
  | { readonly kind: 'deleteBlock'; readonly block: Block }
  | { readonly kind: 'deleteHandle'; readonly handle: string };

export interface Problem {
  readonly kind: IpamFinding['kind'];
  readonly subject: string;
  readonly message: string;
  /** Absent: only a person can. */
  readonly repair?: Repair | undefined;
}

export interface CheckView extends IpamSnapshot {
  readonly now: Date;
  readonly node: NodeName;
  /** Those whose addresses come from us. */
  readonly endpoints: readonly Endpoint[];
  /** This node's subnets whose endpoints are ours: only there must an address be bound. */
  readonly boundSubnets: ReadonlySet<Cidr>;
}

/** Where pools, subnets, blocks, handles and endpoints contradict each other. Pure. */
export function findProblems(view: CheckView): readonly Problem[] {
  return [
    ...view.corrupt.map(({ key, message }): Problem => ({ kind: 'corrupt-record', subject: key, message })),
    ...overlapping(view),
    ...view.endpoints.flatMap((endpoint) => ofEndpoint(endpoint, view)),
    ...view.blocks.flatMap((block) => ofBlock(block, view)),
    ...ofHandles(view),
  ];
}

function overlapping({ pools, subnets }: CheckView): Problem[] {
  const used = subnets.filter(({ use }) => use === 'used');
  return [
    ...pairs(pools).map(([a, b]): Problem => {
      const message = `pools ${a.cidr} and ${b.cidr} overlap; remove one of them`;
      return { kind: 'pools-overlap', subject: a.cidr, message };
    }),
    ...pairs(used).map(([a, b]): Problem => {
      const message = `networks have the overlapping subnets ${a.cidr} and ${b.cidr}; remove one of them`;
      return { kind: 'subnets-overlap', subject: a.cidr, message };
    }),
    ...used
      .filter((subnet) => !pools.some((pool) => contains(pool.cidr, subnet.cidr)))
      .map(({ cidr, pool }): Problem => {
        const message = `subnet ${cidr} is in use and its pool ${pool} is gone; add it again with "corduroy pool add ${pool}"`;
        return { kind: 'subnet-without-pool', subject: cidr, message };
      }),
  ];
}

function pairs<T extends { readonly cidr: Cidr }>(items: readonly T[]): (readonly [T, T])[] {
  return items.flatMap((a, n) =>
    items.slice(n + 1).flatMap((b) => (overlaps(a.cidr, b.cidr) ? [[a, b] as const] : [])),
  );
}

function ofEndpoint(endpoint: Endpoint, view: CheckView): Problem[] {
  return endpoint.addresses.flatMap((address): Problem[] => {
    const subnet = view.subnets.find(({ cidr }) => contains(cidr, address));
    if (subnet === undefined) return [];
    const cidr = networkOf(address, subnet.blockLength);
    const block = view.blocks.find((b) => b.cidr === cidr && b.subnet === subnet.cidr);
    const by = block === undefined ? undefined : allocationOf(block, address);
    if (by?.state === 'bound' && (by.handle as string) === endpoint.id) return [];
    const who = endpoint.container?.name ?? endpoint.id.slice(0, 12);
    const what = { kind: 'endpoint-address-not-assigned', subject: address } as const;
    if (by !== undefined && by.state !== 'unbound') {
      return [
        {
          ...what,
          message: `${who} on node ${endpoint.node} uses ${address}, which is assigned to ${holderOf(by)}; restart the container`,
        },
      ];
    }
    const message = `${who} on node ${endpoint.node} uses ${address}, which is not assigned to it`;
    return [{ ...what, message, repair: { kind: 'bind', subnet, address, endpoint } }];
  });
}

function holderOf(by: Exclude<Allocation, { state: 'unbound' }>): string {
  if (by.state === 'reserved') return `a ${by.purpose}`;
  return isTunnelHandle(by.handle) ? `node ${by.node} itself` : `endpoint ${by.handle.slice(0, 12)} on node ${by.node}`;
}

function ofBlock(block: Block, view: CheckView): Problem[] {
  const subnet = view.subnets.find(({ cidr }) => cidr === block.subnet);
  if (subnet === undefined) {
    const isBound = [...block.allocations.values()].some(({ state }) => state === 'bound');
    const message = `block ${block.cidr} belongs to subnet ${block.subnet}, which is gone${isBound ? ', but endpoints have its addresses; remove their containers' : ''}`;
    const repair = isBound ? undefined : ({ kind: 'deleteBlock', block } as const);
    return [{ kind: 'block-without-subnet', subject: block.cidr, message, repair }];
  }
  return [...allocationsOf(block)].flatMap(({ address, allocation }): Problem[] => {
    if (allocation.state !== 'reserved') return ofAssigned({ block, address, allocation }, view);
    const holds = view.holds.filter((hold) => hold.subnet === subnet.cidr);
    if (reservedBy(holds, address) > 0) return [];
    const message = `${address} is reserved as ${allocation.purpose} of a network that is gone`;
    return [
      { kind: 'reserved-without-subnet', subject: address, message, repair: { kind: 'unreserve', subnet, address } },
    ];
  });
}

function ofAssigned(
  { block, address, allocation }: { block: Block; address: IpAddress; allocation: Assigned },
  view: CheckView,
): Problem[] {
  const isOurs = allocation.node === view.node;
  const elsewhere = isOurs
    ? ''
    : `; repair it on node ${allocation.node}, or remove that node with "corduroy node remove" if it is gone for good`;
  const free = { kind: 'free', subnet: block.subnet, address, allocation } as const;
  if (allocation.state === 'bound' && isTunnelHandle(allocation.handle)) {
    if (view.handles.some(({ id, addresses }) => id === allocation.handle && addresses.includes(address))) return [];
    const message = `${address} is bound as tunnel address of node ${allocation.node}, which has it no more${elsewhere}`;
    return [{ kind: 'bound-without-endpoint', subject: address, message, repair: isOurs ? free : undefined }];
  }
  if (allocation.state === 'bound') {
    if (view.endpoints.some(({ id }) => (id as string) === allocation.handle)) return [];
    const message = `${address} is bound to endpoint ${allocation.handle.slice(0, 12)}, which is not in the store${elsewhere}`;
    return [{ kind: 'bound-without-endpoint', subject: address, message, repair: isOurs ? free : undefined }];
  }
  const age = view.now.getTime() - new Date(allocation.since).getTime();
  if (age <= UNBOUND_HORIZON_MS || (isOurs && !view.boundSubnets.has(block.subnet))) return [];
  const message = `${address} was given to Docker ${Math.floor(age / 60_000)} min ago, and no endpoint has it${elsewhere}`;
  return [{ kind: 'unbound-too-long', subject: address, message, repair: isOurs ? free : undefined }];
}

function ofHandles(view: CheckView): Problem[] {
  const bound = new Set(
    view.blocks.flatMap((block) =>
      [...block.allocations.values()].flatMap((a) => (a.state === 'bound' ? [a.handle as string] : [])),
    ),
  );
  const endpoints = new Set<string>(view.endpoints.map(({ id }) => id));
  return view.handles
    .filter(({ id }) => !bound.has(id) && !endpoints.has(id))
    .map(({ id }): Problem => {
      const message = `handle ${id.slice(0, 12)} holds no address, and its endpoint is gone`;
      return { kind: 'handle-without-address', subject: id, message, repair: { kind: 'deleteHandle', handle: id } };
    });
}

/** For people: what `--repair` does. */
export function describeRepair(repair: Repair): string {
  switch (repair.kind) {
    case 'free':
      return `frees ${repair.address}`;
    case 'bind':
      return `assigns ${repair.address} to the endpoint`;
    case 'unreserve':
      return `ends the reservation of ${repair.address}`;
    case 'deleteBlock':
      return `deletes block ${repair.block.cidr}`;
    case 'deleteHandle':
      return 'deletes the handle';
  }
}
