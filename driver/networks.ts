import type { ClusterView } from '../src/effects/cluster-view.js';
import { ABSENT, type Transaction, type Write } from '../src/effects/datastore.js';
import type { HostRoute } from '../src/effects/host-routes.js';
import type { Logger } from '../src/effects/logger.js';
import { ConflictError, describeError } from '../src/model/errors.js';
import { filtered } from '../src/model/filtered.js';
import { type DockerNetworkId, type NetworkName, type NodeName, parseProfileName } from '../src/model/ids.js';
import {
  type Network,
  NetworkRecord,
  type NetworkRemoval,
  type NetworkSubnet,
  type NodeNetwork,
  NodeNetworkRecord,
  networkKey,
  nodeNetworkKey,
  provisionalNetworkName,
} from '../src/model/network.js';
import { defaultProfile, ProfileRecord, profileKey } from '../src/model/profile.js';
import type { CallContext } from '../src/protocol/call.js';
import type { CreateNetworkRequest } from '../src/protocol/network-driver.js';
import type { DriverDependencies } from './dependencies.js';
import { resolveProfiles } from './endpoint-options.js';
import { removeEndpoint } from './endpoints.js';
import { chooseLinkLocalGateway } from './link-local-gateway.js';
import { parseNetworkOptions } from './network-options.js';
import { ipamOf, refuseOverlaps, refuseUnusable, subnetsOf } from './network-subnets.js';

const MAX_ATTEMPTS = 8;

/**
 * Lays down a network under a provisional name: Docker tells neither name nor labels during the call. The caller sees
 * to it that two networks are not made at once on one node, because each needs a gateway of its own.
 */
export async function createNetwork(
  deps: DriverDependencies,
  request: CreateNetworkRequest,
  { signal, log }: CallContext,
): Promise<void> {
  signal.throwIfAborted();
  const { node, store } = deps;
  const { networkId } = request;
  const network = planNetwork(deps, request);
  const existing = store.localNetworks.get(networkId)?.value;
  if (existing !== undefined) {
    const there = store.networks.get(existing.network)?.value;
    if (there !== undefined && sameContent(there, network)) return;
    throw new ConflictError(`network ${networkId.slice(0, 12)} is there already, made otherwise: remove it first`);
  }
  refuseOverlaps(store, network);
  if (network.ipam === 'docker') refuseUnusable(network, await hostRoutesOrNone(deps, log));
  const taken = new Set([...store.localNetworks.values()].map(({ value }) => value.linkLocalGateway));
  const nodeNetwork: NodeNetwork = {
    node,
    dockerNetworkId: networkId,
    network: network.name,
    provisional: true,
    linkLocalGateway: chooseLinkLocalGateway(networkId, taken),
  };
  const outcome = await store.transact({
    compares: [
      { key: networkKey(network.name), revision: ABSENT },
      { key: nodeNetworkKey(node, networkId), revision: ABSENT },
    ],
    writes: [
      { kind: 'put', key: networkKey(network.name), value: NetworkRecord.encode(network) },
      { kind: 'put', key: nodeNetworkKey(node, networkId), value: NodeNetworkRecord.encode(nodeNetwork) },
    ],
  });
  if (outcome.kind === 'conflict') {
    throw new ConflictError(`network ${networkId.slice(0, 12)} was made by another call at the same time: try again`);
  }
  if (!signal.aborted) return;
  await forgetNetwork(deps, networkId, log, { everywhere: false });
  signal.throwIfAborted();
}

/** A host that cannot tell its routes is still better served with the network than without. */
const hostRoutesOrNone = ({ hostRoutes }: DriverDependencies, log: Logger): Promise<readonly HostRoute[]> =>
  hostRoutes.list().catch((error) => {
    log.warn(
      { error: describeError(error) },
      "the host's routes cannot be read; the network was not compared with them",
    );
    return [];
  });

function planNetwork({ node, store, settings }: DriverDependencies, request: CreateNetworkRequest): Network {
  const ipam = ipamOf(request, settings.datastore);
  const options = parseNetworkOptions(request.options, { ipv6: request.ipv6 });
  return {
    name: provisionalNetworkName(request.networkId, node),
    subnets: subnetsOf(request),
    ipam,
    internal: request.internal,
    options: { ...options, profiles: resolveProfiles(options.profiles, store) },
  };
}

/** @param there may have been named, and removed elsewhere, since; one of Swarm's has gateways of each node's own */
function sameContent(there: Network, asked: Network): boolean {
  const subnets = (network: Network) =>
    there.swarm ? network.subnets.map(({ cidr }): NetworkSubnet => ({ cidr })) : network.subnets;
  const made = { name: asked.name, recipe: undefined, removal: undefined, swarm: undefined, configName: undefined };
  return (
    NetworkRecord.encode({ ...there, ...made, subnets: subnets(there) }) ===
    NetworkRecord.encode({ ...asked, subnets: subnets(asked) })
  );
}

/**
 * Removes what this node knows of a network, with endpoints that Docker has forgotten; and the network itself if no
 * other node has it. The caller has the turn of all networks; no task of an endpoint waits for that. Its profile goes
 * along if it is as it was made and nobody else names it: what a user changed, or uses elsewhere, stays. Succeeds for an
 * unknown network.
 *
 * @param options.everywhere a user has removed it: other nodes that have it are to remove it, too
 */
export async function forgetNetwork(
  deps: DriverDependencies,
  networkId: DockerNetworkId,
  log: Logger,
  { everywhere }: { readonly everywhere: boolean },
): Promise<void> {
  const { node, store, clock } = deps;
  for (const { value: endpoint } of [...store.localEndpoints.values()]) {
    if (endpoint.dockerNetworkId !== networkId) continue;
    log.warn({ networkId, endpointId: endpoint.id }, 'an endpoint was left when its network was removed; removing it');
    await deps.queue.run(endpoint.id, () => removeEndpoint(deps, endpoint));
  }
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const mark = everywhere ? { node, requestedAt: clock.now().toISOString() } : undefined;
    const removal = networkRemoval(store, node, networkId, mark);
    if (removal === undefined || (await store.transact(removal)).kind === 'committed') return;
  }
  throw new ConflictError(`network ${networkId.slice(0, 12)} is being changed by others and stays for the reconciler`);
}

/**
 * Removes a node's part in a network, and with its last node the network itself; undefined: it has no part.
 *
 * @param mark what the nodes that still have it are to know; absent: they keep it
 */
export function networkRemoval(
  store: ClusterView,
  node: NodeName,
  networkId: DockerNetworkId,
  mark?: NetworkRemoval,
): Transaction | undefined {
  const own = nodeNetworkKey(node, networkId);
  const local = store.nodeNetworks.get(own);
  if (local === undefined) return undefined;
  const name = local.value.network;
  const network = store.networks.get(name);
  const profile = store.profiles.get(parseProfileName(name));
  // One of Swarm's is still there when no node has a task on it.
  const last =
    network?.value.swarm !== true &&
    ![...store.nodeNetworks].some(([key, { value }]) => key !== own && value.network === name);
  const touched = last ? undefined : stillHeld(network?.value, mark);
  return {
    compares: [
      { key: own, revision: local.revision },
      ...((last || touched !== undefined) && network !== undefined
        ? [{ key: networkKey(name), revision: network.revision }]
        : []),
      ...(last && profile !== undefined ? [{ key: profileKey(profile.value.name), revision: profile.revision }] : []),
    ],
    writes: [{ kind: 'delete', key: own }, ...(last ? deletionsWithLast(store, name) : (touched ?? []))],
  };
}

/**
 * Written even if it is unchanged: of two nodes that leave at the same time, the second sees that it is the last. Where
 * the removal is known, the nodes' sync sees to that, and many leave at once without a race.
 */
function stillHeld(network: Network | undefined, removal: NetworkRemoval | undefined): readonly Write[] | undefined {
  if (network === undefined || network.removal !== undefined) return undefined;
  const after = network.recipe === undefined || network.swarm ? network : { ...network, removal };
  return [{ kind: 'put', key: networkKey(network.name), value: NetworkRecord.encode(after) }];
}

/** The end of a network that was removed on every node. */
export function networkEnd(store: ClusterView, name: NetworkName): Transaction | undefined {
  const network = store.networks.get(name);
  if (network?.value.removal === undefined) return undefined;
  const profile = store.profiles.get(parseProfileName(name));
  return {
    compares: [
      { key: networkKey(name), revision: network.revision },
      ...(profile === undefined ? [] : [{ key: profileKey(profile.value.name), revision: profile.revision }]),
    ],
    writes: deletionsWithLast(store, name),
  };
}

function deletionsWithLast(store: ClusterView, name: NetworkName): readonly Write[] {
  const network: Write = { kind: 'delete', key: networkKey(name) };
  const profileName = parseProfileName(name);
  const profile = store.profiles.get(profileName)?.value;
  if (profile === undefined) return [network];
  const untouched = ProfileRecord.encode(profile) === ProfileRecord.encode(defaultProfile(profileName));
  const [user] = filtered(store.endpoints.values(), ({ value }) =>
    [...(value.profiles ?? []), ...(value.containerProfiles ?? [])].includes(profileName),
  );
  const named =
    user !== undefined ||
    [...store.networks.values()].some(({ value }) => value.options.profiles.includes(profileName));
  return untouched && !named ? [network, { kind: 'delete', key: profileKey(profileName) }] : [network];
}
