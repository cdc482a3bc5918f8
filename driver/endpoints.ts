import { ABSENT } from '../src/effects/datastore.js';
import { type Endpoint, EndpointRecord, endpointKey } from '../src/model/endpoint.js';
import { ConflictError, NotFoundError } from '../src/model/errors.js';
import { type EndpointId, parseHandleId } from '../src/model/ids.js';
import type { Network } from '../src/model/network.js';
import type { CallContext } from '../src/protocol/call.js';
import type {
  CreateEndpointReply,
  CreateEndpointRequest,
  EndpointRequest,
  JoinReply,
  JoinRequest,
} from '../src/protocol/network-driver.js';
import type { DriverDependencies } from './dependencies.js';
import { localNetwork, namedNetwork, planEndpoint, sameContent } from './endpoint-plan.js';
import { joinReply } from './join-reply.js';
import { refuseSharedSubnet, type Sandboxes } from './sandboxes.js';

/** Makes the endpoint and binds its addresses, in one transaction. Again with the same content: nothing changes. */
export async function createEndpoint(
  deps: DriverDependencies,
  request: CreateEndpointRequest,
  { signal, log }: CallContext,
): Promise<CreateEndpointReply> {
  signal.throwIfAborted();
  const { network } = await namedNetwork(deps, request.networkId, log);
  signal.throwIfAborted();
  const endpoint = planEndpoint(deps, request, network);
  // Docker fails the call if it had set an address itself and the reply has one.
  const reply = request.interface.mac === undefined ? { Interface: { MacAddress: endpoint.mac } } : {};
  const existing = deps.store.endpoints.get(endpoint.id)?.value;
  if (existing !== undefined) {
    if (sameContent(existing, endpoint)) return reply;
    throw new ConflictError(`endpoint ${endpoint.id.slice(0, 12)} is there already, made otherwise: remove it first`);
  }
  await storeAndPrepare(deps, endpoint, network);
  if (!signal.aborted) return reply;
  await removeEndpoint(deps, endpoint);
  signal.throwIfAborted();
  return reply;
}

const mtuOf = ({ settings }: DriverDependencies, network: Network): number =>
  network.options.mtu ?? settings.mtu(network);

async function storeEndpoint(
  deps: DriverDependencies,
  endpoint: Endpoint,
  network: Network,
  decided: () => void,
): Promise<void> {
  const key = endpointKey(endpoint.node, endpoint.id);
  const alongside = {
    compares: [{ key, revision: ABSENT }],
    writes: [{ kind: 'put', key, value: EndpointRecord.encode(endpoint) }],
  } as const;
  if (network.ipam === 'corduroy') {
    const handle = parseHandleId(endpoint.id);
    await deps.addresses.bind({ addresses: endpoint.addresses, handle, alongside, decided });
    return;
  }
  requireUnused(deps, endpoint);
  decided();
  const outcome = await deps.store.transact(alongside);
  if (outcome.kind === 'committed') return;
  throw new ConflictError(`endpoint ${endpoint.id.slice(0, 12)} was made by another call at the same time: try again`);
}

/**
 * Docker's next call is Join: the kernel's part of it is under way while the record is written, but not before it is
 * decided that the addresses are the endpoint's to have.
 */
async function storeAndPrepare(deps: DriverDependencies, endpoint: Endpoint, network: Network): Promise<void> {
  let ahead: NodeJS.Immediate | undefined;
  const prepare = (): void => {
    // Once the datastore has its work to do.
    ahead ??= setImmediate(() => deps.dataplane.prepare(endpoint, { mtu: mtuOf(deps, network) }));
  };
  try {
    await storeEndpoint(deps, endpoint, network, prepare);
  } catch (error) {
    clearImmediate(ahead);
    if (ahead !== undefined) await deps.dataplane.abandon(endpoint);
    throw error;
  }
}

/** Docker's IPAM knows nothing of what a crash left behind: an address that one of our endpoints has is not free. */
function requireUnused({ store }: DriverDependencies, { id, addresses }: Endpoint): void {
  for (const { value: other } of store.localEndpoints.values()) {
    const clash = other.id !== id && other.addresses.find((address) => addresses.includes(address));
    if (!clash) continue;
    throw new ConflictError(
      `${clash} is held by endpoint ${other.id.slice(0, 12)}, which is not removed yet: try again in a minute`,
    );
  }
}

/**
 * Removes all that there is of an endpoint, in the kernel and in the datastore; an endpoint that is unknown has none.
 * The kernel first: what cannot be written now is written by the reconciler, but no packet passes from here on.
 */
export async function removeEndpoint(deps: DriverDependencies, { id }: { readonly id: EndpointId }): Promise<void> {
  const endpoint = deps.store.endpoints.get(id)?.value;
  await deps.dataplane.detach({ id, addresses: endpoint?.addresses ?? [] });
  await deps.hostPorts.release(id);
  if (endpoint === undefined || endpoint.node !== deps.node) return;
  const alongside = { compares: [], writes: [{ kind: 'delete', key: endpointKey(endpoint.node, id) }] } as const;
  if (deps.store.networkOf(endpoint)?.ipam === 'docker') await deps.store.transact(alongside);
  else await deps.addresses.unbind({ handle: parseHandleId(id), addresses: endpoint.addresses, alongside });
}

/** Puts the endpoint into the kernel. Nothing is written: that it is attached shows in the kernel itself. */
export async function join(
  deps: DriverDependencies,
  request: JoinRequest,
  { signal }: CallContext,
  sandboxes: Sandboxes,
): Promise<JoinReply> {
  signal.throwIfAborted();
  const endpoint = requireEndpoint(deps, request);
  const { network, nodeNetwork } = localNetwork(deps, request.networkId);
  refuseSharedSubnet(deps, network, sandboxes.companionsOf(endpoint.id, request.sandboxKey));
  const mtu = mtuOf(deps, network);
  const { containerInterface } = await deps.dataplane.attach(endpoint, { mtu, signal });
  if (signal.aborted) {
    await deps.dataplane.detach(endpoint);
    signal.throwIfAborted();
  }
  sandboxes.enter(endpoint.id, request.sandboxKey);
  const gateway = nodeNetwork.linkLocalGateway;
  return joinReply({ containerInterface, endpoint, network, gateway, sharedSubnets: sharedSubnets(deps, network) });
}

function sharedSubnets(
  { store }: DriverDependencies,
  network: Network,
): ReadonlySet<Network['subnets'][number]['cidr']> {
  const others = [...store.localNetworks.values()]
    .filter(({ value }) => value.network !== network.name)
    .flatMap(({ value }) => store.networks.get(value.network)?.value.subnets ?? []);
  return new Set(others.map(({ cidr }) => cidr));
}

/** The endpoint of the request. @throws NotFoundError */
export function requireEndpoint({ store }: DriverDependencies, { endpointId, networkId }: EndpointRequest): Endpoint {
  const endpoint = store.endpoints.get(endpointId)?.value;
  if (endpoint !== undefined && endpoint.dockerNetworkId === networkId) return endpoint;
  throw new NotFoundError(
    `endpoint ${endpointId.slice(0, 12)} is not known on network ${networkId.slice(0, 12)}: start the container again`,
  );
}

/**
 * Whether an endpoint of this id is there, but on another network than the request names: such a request is about no
 * endpoint of ours, and what it asks must not happen to that one.
 */
export const isElsewhere = ({ store }: DriverDependencies, { endpointId, networkId }: EndpointRequest): boolean => {
  const endpoint = store.endpoints.get(endpointId)?.value;
  return endpoint !== undefined && endpoint.dockerNetworkId !== networkId;
};

/** No packet passes any more; the endpoint's record stays until DeleteEndpoint. */
export async function leave(deps: DriverDependencies, { endpointId }: EndpointRequest): Promise<void> {
  const endpoint = deps.store.endpoints.get(endpointId)?.value;
  await deps.dataplane.detach({ id: endpointId, addresses: endpoint?.addresses ?? [] });
}
