import type { DockerNetwork } from '../src/effects/docker.js';
import type { Allocation, Block } from '../src/model/block.js';
import type { Cidr } from '../src/model/cidr.js';
import { isTunnelHandle } from '../src/model/handle.js';
import type { DockerNetworkId, NodeName } from '../src/model/ids.js';
import type { IpAddress } from '../src/model/ip-address.js';
import type { ReferenceId, SubnetHold } from '../src/model/subnet.js';
import { allocationsOf } from './block.js';

/** From RequestAddress to CreateEndpoint Docker takes milliseconds. */
export const UNBOUND_HORIZON_MS = 10 * 60_000;
/** From RequestPool to the end of CreateNetwork, likewise. */
const REFERENCE_GRACE_MS = 60_000;

/** Two looks closer together than this count as one: what is under way has settled between them. */
const BETWEEN_SIGHTINGS_MS = 10_000;

export type Assigned = Exclude<Allocation, { state: 'reserved' }>;

/** An allocation as it was seen: it is freed only if it is still the same. */
export interface Doomed {
  readonly subnet: Cidr;
  readonly address: IpAddress;
  readonly allocation: Assigned;
}

export interface ReclaimView {
  readonly now: Date;
  readonly node: NodeName;
  /** This node's. */
  readonly holds: readonly SubnetHold[];
  readonly blocks: readonly Block[];
  /** Ids of the endpoints in the store. */
  readonly endpoints: Pick<ReadonlySet<string>, 'has'>;
  /** This node's networks in the store, with their subnets. */
  readonly networks: ReadonlyMap<DockerNetworkId, readonly Cidr[]>;
  /** Undefined: Docker does not answer. */
  readonly docker: readonly DockerNetwork[] | undefined;
  /** What the last look gave: what seemed to be nobody's, and since when. */
  readonly suspects: ReadonlyMap<string, Date>;
}

export interface ReclaimDecision {
  readonly addresses: readonly Doomed[];
  readonly references: readonly { readonly subnet: Cidr; readonly reference: ReferenceId }[];
  /** For the next look: what was seen for the first time, or still waits. */
  readonly suspects: ReadonlyMap<string, Date>;
}

/** What can be freed without taking it from anybody. Pure: the caller reads, frees and remembers the suspects. */
export function decideReclaim(view: ReclaimView): ReclaimDecision {
  const suspects = new Map<string, Date>();
  const confirmed = (suspect: string): boolean => {
    const since = view.suspects.get(suspect) ?? view.now;
    suspects.set(suspect, since);
    return view.now.getTime() - since.getTime() >= BETWEEN_SIGHTINGS_MS;
  };
  const ours = view.blocks.flatMap((block) =>
    [...allocationsOf(block)].flatMap(({ address, allocation }) =>
      allocation.state !== 'reserved' && allocation.node === view.node
        ? [{ subnet: block.subnet, address, allocation }]
        : [],
    ),
  );
  const addresses = ours.filter((doomed) => {
    if (doomed.allocation.state === 'unbound') return isForgotten(doomed, view);
    return isEndpointGone(doomed.allocation.handle, view) && confirmed(`${doomed.address} ${doomed.allocation.handle}`);
  });
  const references = view.holds.flatMap(({ subnet, references }) =>
    references
      .filter(({ requestedAt }) => olderThan(requestedAt, REFERENCE_GRACE_MS, view.now))
      .filter(({ id }) => isNetworkGone(subnet, view) && confirmed(`${subnet} ${id}`))
      .map(({ id }) => ({ subnet, reference: id })),
  );
  return { addresses, references, suspects };
}

/**
 * A network of another driver with our addresses (`-d bridge --ipam-driver corduroy`) never binds them: there age tells
 * nothing, and only ReleaseAddress and the end of the network free them.
 */
function isForgotten({ subnet, allocation }: Doomed, view: ReclaimView): boolean {
  if (!olderThan(allocation.since, UNBOUND_HORIZON_MS, view.now)) return false;
  const isKnown = [...view.networks.values()].some((cidrs) => cidrs.includes(subnet));
  if (view.docker === undefined) return isKnown;
  return !view.docker.some(({ id, subnets }) => !view.networks.has(id) && subnets.some(({ cidr }) => cidr === subnet));
}

const isEndpointGone = (handle: string, { endpoints, docker }: ReclaimView): boolean =>
  docker !== undefined &&
  !isTunnelHandle(handle) &&
  !endpoints.has(handle) &&
  !docker.some((network) => [...network.endpoints.keys()].some((id) => (id as string) === handle));

const isNetworkGone = (subnet: Cidr, { networks, docker }: ReclaimView): boolean =>
  docker !== undefined &&
  ![...networks.values()].some((cidrs) => cidrs.includes(subnet)) &&
  !docker.some((network) => network.subnets.some(({ cidr }) => cidr === subnet));

const olderThan = (since: string, ms: number, now: Date): boolean => now.getTime() - new Date(since).getTime() > ms;
