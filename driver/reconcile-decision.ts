import type { DockerNetwork } from '../src/effects/docker.js';
import type { ReconcileFinding } from '../src/effects/reconcile-status.js';
import type { Endpoint } from '../src/model/endpoint.js';
import type { DockerNetworkId, EndpointId } from '../src/model/ids.js';
import type { NodeNetwork } from '../src/model/network.js';

/**
 * ms that an endpoint's record is left alone after it was made. Docker lists an endpoint from CreateEndpoint's reply
 * on, and that comes within 2 s.
 */
export const ENDPOINT_GRACE_MS = 60_000;
/** ms between the first and the last sighting of something that is taken away without other proof. */
export const SETTLE_MS = 30_000;

/** What was missing before, since when (ms), and how many runs have seen it so. */
export type Sightings = ReadonlyMap<string, { readonly sinceMs: number; readonly count: number }>;

/** The three views of one moment. Docker was asked after the records were read. */
export interface Observation {
  readonly nowMs: number;
  /** This node's. */
  readonly endpoints: readonly Endpoint[];
  readonly localNetworks: readonly NodeNetwork[];
  /** Of our driver, with their endpoints. */
  readonly dockerNetworks: readonly DockerNetwork[];
  /** Endpoints whose host side is in the kernel. */
  readonly attached: ReadonlySet<EndpointId>;
  /** Of `attached`: those whose container end is not in the host's namespace, so that some container may use it. */
  readonly inContainer: ReadonlySet<EndpointId>;
  readonly sightings: Sightings;
  /** The first run since the daemon's start: what is missing then was not removed by a call that is under way. */
  readonly first: boolean;
}

export interface Decision {
  /** Detach, and take the record and the addresses away. */
  readonly free: readonly Endpoint[];
  /** Links without record, and in no container. */
  readonly detach: readonly EndpointId[];
  readonly removeNetworks: readonly DockerNetworkId[];
  readonly restoreNetworks: readonly DockerNetwork[];
  /** Networks that still go by a provisional name. */
  readonly nameNetworks: readonly DockerNetwork[];
  readonly findings: readonly ReconcileFinding[];
  readonly sightings: Sightings;
}

/**
 * What differs between Docker, the records and the kernel, and what to do about it.
 *
 * An endpoint is freed only if Docker answered and does not list it, and its record is older than ENDPOINT_GRACE_MS.
 * If Docker has the network, and no container can use the link because it is gone or lies in the host's namespace,
 * one sighting is proof. Otherwise two are needed, SETTLE_MS apart. If Docker does not even know the network while the
 * link is in some container, it is left alone: that may be another engine's, and its container may live.
 */
export function decide(seen: Observation): Decision {
  const next = new Map<string, { sinceMs: number; count: number }>();
  /** Notes that the thing is missing. True: it was before, in another run, SETTLE_MS ago or longer. */
  const settled = (key: string): boolean => {
    const before = seen.sightings.get(key);
    const entry = { sinceMs: before?.sinceMs ?? seen.nowMs, count: (before?.count ?? 0) + 1 };
    next.set(key, entry);
    return entry.count > 1 && seen.nowMs - entry.sinceMs >= SETTLE_MS;
  };
  const listed = new Set(seen.dockerNetworks.flatMap(({ endpoints }) => [...endpoints.keys()]));
  const known = new Set<string>(seen.dockerNetworks.map(({ id }) => id));
  const findings: ReconcileFinding[] = [];

  const free = seen.endpoints.filter((endpoint) => {
    if (listed.has(endpoint.id) || isYoung(endpoint, seen.nowMs)) return false;
    const inUse = seen.inContainer.has(endpoint.id);
    if (known.has(endpoint.dockerNetworkId)) {
      const seenAgain = settled(`endpoint/${endpoint.id}`);
      return seenAgain || (!inUse && isPast(endpoint, seen.nowMs));
    }
    if (!inUse) return settled(`endpoint/${endpoint.id}`);
    findings.push(networkUnknown(endpoint));
    return false;
  });

  const recorded = new Set(seen.endpoints.map(({ id }) => id));
  const detach = [...seen.attached].filter((id) => {
    if (recorded.has(id)) return false;
    if (!listed.has(id) && !seen.inContainer.has(id)) return settled(`link/${id}`);
    findings.push(withoutRecord(id, seen.dockerNetworks));
    return false;
  });

  const freed = new Set(free.map(({ id }) => id));
  const needed = new Set(seen.endpoints.filter(({ id }) => !freed.has(id)).map((endpoint) => endpoint.dockerNetworkId));
  const removeNetworks = seen.localNetworks
    .map(({ dockerNetworkId }) => dockerNetworkId)
    .filter((id) => !known.has(id) && settled(`network/${id}`) && !needed.has(id));

  const local = new Map(seen.localNetworks.map((network) => [network.dockerNetworkId, network]));
  const restoreNetworks = seen.dockerNetworks.filter(
    ({ id, scope, endpoints }) =>
      // A manager lists Swarm's networks before and after they have anything on this node.
      (scope === 'local' || endpoints.size > 0) && !local.has(id) && (settled(`record/${id}`) || seen.first),
  );
  const nameNetworks = seen.dockerNetworks.filter(({ id }) => local.get(id)?.provisional === true);
  return { free, detach, removeNetworks, restoreNetworks, nameNetworks, findings, sightings: next };
}

/** A record from the future, after the clock was set back, is not young: it has to settle. */
const ageMs = ({ createdAt }: Endpoint, nowMs: number): number => nowMs - Date.parse(createdAt);
const isYoung = (endpoint: Endpoint, nowMs: number): boolean => {
  const age = ageMs(endpoint, nowMs);
  return age >= 0 && age < ENDPOINT_GRACE_MS;
};
const isPast = (endpoint: Endpoint, nowMs: number): boolean => ageMs(endpoint, nowMs) >= ENDPOINT_GRACE_MS;

const networkUnknown = ({ id, dockerNetworkId, container }: Endpoint): ReconcileFinding => ({
  kind: 'network-unknown-to-docker',
  subject: id,
  message: `Docker does not know network ${dockerNetworkId.slice(0, 12)}, but ${container?.name ?? 'some container'} is attached to it: check that dockerSocket is the socket of the engine that runs it`,
});

function withoutRecord(id: EndpointId, networks: readonly DockerNetwork[]): ReconcileFinding {
  const name = networks.map(({ endpoints }) => endpoints.get(id)?.containerName).find((found) => found !== undefined);
  return {
    kind: 'endpoint-without-record',
    subject: name ?? id,
    message: `${name === undefined ? `the link of endpoint ${id.slice(0, 12)} is in some container` : `container ${name} is attached`}, and the datastore has no record of it, so no packet passes: restart the container`,
  };
}
