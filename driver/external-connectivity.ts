import type { Logger } from '../src/effects/logger.js';
import { type Endpoint, EndpointRecord, endpointKey, type PublishedPort } from '../src/model/endpoint.js';
import { ConflictError, describeError } from '../src/model/errors.js';
import type { EndpointId } from '../src/model/ids.js';
import { familyOf } from '../src/model/ip-address.js';
import type { CallContext } from '../src/protocol/call.js';
import type { EndpointRequest, ProgramExternalConnectivityRequest } from '../src/protocol/network-driver.js';
import type { DriverDependencies } from './dependencies.js';
import { requireEndpoint } from './endpoints.js';
import { choosePorts, clashes, type TakenPort } from './published-ports.js';

/** Programs of the host found listening on ports that were chosen freely, one after the other, before giving up. */
const MAX_CHOICES = 64;
const MAX_ATTEMPTS = 8;
/** How long Docker may take to tell the container of an endpoint, in ms; it answers in a few. */
const WHOSE_DEADLINE_MS = 300;

/**
 * Publishes the ports of a container at its gateway endpoint: chosen, reserved, recorded, and in force when this
 * resolves. On failure nothing is published. Called again, it keeps what it chose.
 *
 * @param inTurn runs the choice of ports for one container at a time
 */
export async function publishPorts(
  deps: DriverDependencies,
  request: ProgramExternalConnectivityRequest,
  { signal, log }: CallContext,
  inTurn: (choose: () => Promise<void>) => Promise<void>,
): Promise<void> {
  signal.throwIfAborted();
  const endpoint = requireEndpoint(deps, request);
  if (request.portMap.length === 0) {
    if (endpoint.published.length > 0) await unpublishPorts(deps, request);
    return;
  }
  try {
    await inTurn(async () => {
      signal.throwIfAborted();
      const ports = await reservePorts(deps, endpoint, request).catch(async (error) => {
        if (!(error instanceof ConflictError) || !(await takeOver(deps, endpoint))) throw error;
        return reservePorts(deps, endpoint, request);
      });
      await setPublished(deps, endpoint.id, ports);
    });
    await deps.dataplane.settled(signal);
    signal.throwIfAborted();
    serveHostItself(deps, endpoint.id);
  } catch (error) {
    await unpublishPorts(deps, request).catch((undoError) =>
      log.warn(
        { endpointId: endpoint.id, error: describeError(undoError) },
        'ports stay published until DeleteEndpoint',
      ),
    );
    throw error;
  }
}

/** A port that was chosen freely may turn out to be a program's of the host: then the next one is tried. */
async function reservePorts(
  deps: DriverDependencies,
  endpoint: Endpoint,
  { portMap }: ProgramExternalConnectivityRequest,
): Promise<readonly PublishedPort[]> {
  const families = new Set(endpoint.addresses.map(familyOf));
  const listening: TakenPort[] = [];
  for (let choice = 1; choice <= MAX_CHOICES; choice++) {
    const taken = [...portsOfOthers(deps, endpoint), ...listening];
    const ports = choosePorts(portMap, { families, taken, previous: endpoint.published });
    const conflicts = await deps.hostPorts.reserve({ owner: endpoint.id, ports });
    if (conflicts.length === 0) return ports;
    for (const { port, program } of conflicts) {
      listening.push({
        ...port,
        by: program === undefined ? 'a program of the host' : `${program}, a program of the host`,
      });
    }
    // A conflict that names another port than those asked for would be found again and again.
    if (!conflicts.some(({ port }) => ports.some((wanted) => clashes(wanted, port)))) break;
  }
  throw new ConflictError(
    `no free host port was found in ${MAX_CHOICES} attempts: name one with -p HOSTPORT:PORT, or stop what listens on the host`,
  );
}

/**
 * A container has its ports at one endpoint. Since Docker 28 they may move to another without a revocation, if the
 * engine was restarted under the running container: then the ports at its former gateway endpoint are taken back.
 *
 * Returns whether there were any.
 */
async function takeOver(deps: DriverDependencies, { id, dockerNetworkId }: Endpoint): Promise<boolean> {
  const answer = await deps.docker
    .network(dockerNetworkId, AbortSignal.timeout(WHOSE_DEADLINE_MS))
    .catch(() => undefined);
  const containerId = answer === undefined || answer === 'absent' ? undefined : answer.endpoints.get(id)?.containerId;
  if (containerId === undefined) return false;
  const siblings = [...deps.store.localEndpoints.values()].filter(
    ({ value }) => value.id !== id && value.container?.id === containerId && value.published.length > 0,
  );
  for (const { value } of siblings)
    await unpublishPorts(deps, { networkId: value.dockerNetworkId, endpointId: value.id });
  return siblings.length > 0;
}

function portsOfOthers({ store }: DriverDependencies, { id }: Endpoint): readonly TakenPort[] {
  return [...store.localEndpoints.values()]
    .filter(({ value }) => value.id !== id)
    .flatMap(({ value }) => value.published.map((port) => ({ ...port, by: nameOf(value) })));
}

const nameOf = ({ id, container }: Endpoint): string =>
  container === undefined ? `the container with endpoint ${id.slice(0, 12)}` : `container ${container.name}`;

/** What the host sends to its own published ports goes by sockets: nothing translates it. */
function serveHostItself({ store, hostPorts }: Pick<DriverDependencies, 'store' | 'hostPorts'>, id: EndpointId): void {
  const endpoint = store.endpoints.get(id)?.value;
  if (endpoint === undefined) return;
  const targets = endpoint.published.map(({ hostIp, ...port }) => {
    const addresses = endpoint.addresses.filter(
      (address) => hostIp === undefined || familyOf(address) === familyOf(hostIp),
    );
    return { ...port, ...(hostIp === undefined ? {} : { hostIp }), addresses };
  });
  hostPorts.serve({ owner: id, targets });
}

/** Takes back what was published; succeeds if nothing was, or the endpoint is unknown. */
export async function unpublishPorts(deps: DriverDependencies, { endpointId }: EndpointRequest): Promise<void> {
  await deps.hostPorts.release(endpointId);
  await setPublished(deps, endpointId, []);
}

async function setPublished(
  { node, store }: DriverDependencies,
  id: EndpointId,
  published: readonly PublishedPort[],
): Promise<void> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const found = store.localEndpoints.get(id);
    if (found === undefined) return;
    if (JSON.stringify(found.value.published) === JSON.stringify(published)) return;
    const key = endpointKey(node, id);
    const outcome = await store.transact({
      compares: [{ key, revision: found.revision }],
      writes: [{ kind: 'put', key, value: EndpointRecord.encode({ ...found.value, published }) }],
    });
    if (outcome.kind === 'committed') return;
  }
  throw new ConflictError(`endpoint ${id.slice(0, 12)} is being changed by others: try again`);
}

/** After a restart of ours: the ports of this node's endpoints are reserved and served again. */
export async function restorePublishedPorts(
  deps: Pick<DriverDependencies, 'store' | 'hostPorts'> & { readonly log: Logger },
): Promise<void> {
  for (const { value } of [...deps.store.localEndpoints.values()]) {
    if (value.published.length === 0) continue;
    const conflicts = await deps.hostPorts.reserve({ owner: value.id, ports: value.published });
    for (const { port, program } of conflicts) {
      deps.log.warn({ endpointId: value.id, ...port, program }, 'a program of the host listens on a published port');
    }
    serveHostItself(deps, value.id);
  }
}
