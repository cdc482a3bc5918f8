import { type CallContext, EMPTY_REPLY, type EmptyReply } from '../src/protocol/call.js';
import type { EndpointRequest, NetworkDriverHandlers } from '../src/protocol/network-driver.js';
import type { DriverDependencies } from './dependencies.js';
import { createEndpoint, isElsewhere, join, leave, removeEndpoint } from './endpoints.js';
import { publishPorts, unpublishPorts } from './external-connectivity.js';
import { createNetwork, forgetNetwork } from './networks.js';
import { NETWORKS, PORTS } from './queue-keys.js';
import { Sandboxes } from './sandboxes.js';

/**
 * Docker's network driver, one function for each method. Calls about one endpoint run one after the other: a roll-back
 * may overtake the call that failed, and must find it ended.
 */
export function networkDriverHandlers(deps: DriverDependencies): NetworkDriverHandlers {
  const { queue } = deps;
  const sandboxes = new Sandboxes();
  const inOrder =
    <Request extends EndpointRequest, Reply>(task: (request: Request, context: CallContext) => Promise<Reply>) =>
    (request: Request, context: CallContext): Promise<Reply> =>
      queue.run(request.endpointId, () => task(request, context));
  /** Succeeds for endpoints that are unknown, so also for one that is not on the network of the request. */
  const undo =
    (task: (request: EndpointRequest) => Promise<void>) =>
    async (request: EndpointRequest, { log }: CallContext): Promise<EmptyReply> => {
      if (isElsewhere(deps, request))
        log.warn({ ...request }, 'the endpoint is not on this network, and is left as it is');
      else await task(request);
      return EMPTY_REPLY;
    };
  return {
    CreateNetwork: (request, context) =>
      queue.run(NETWORKS, async () => {
        await createNetwork(deps, request, context);
        return EMPTY_REPLY;
      }),
    DeleteNetwork: ({ networkId }, { log }) =>
      queue.run(NETWORKS, async () => {
        const asked = deps.underWay !== undefined && !deps.underWay.leaving.has(networkId);
        await forgetNetwork(deps, networkId, log, { everywhere: asked });
        return EMPTY_REPLY;
      }),
    CreateEndpoint: inOrder((request, context) => createEndpoint(deps, request, context)),
    DeleteEndpoint: inOrder(
      undo(async ({ endpointId }) => {
        await removeEndpoint(deps, { id: endpointId });
        sandboxes.leave(endpointId);
      }),
    ),
    // Docker cannot read anything of a remote driver's from it, but an error here aborts the container's start.
    EndpointOperInfo: async () => ({ Value: {} }),
    Join: inOrder((request, context) => join(deps, request, context, sandboxes)),
    Leave: inOrder(
      undo(async (request) => {
        await leave(deps, request);
        sandboxes.leave(request.endpointId);
      }),
    ),
    ProgramExternalConnectivity: inOrder(async (request, context) => {
      await publishPorts(deps, request, context, (choose) => queue.run(PORTS, choose));
      return EMPTY_REPLY;
    }),
    RevokeExternalConnectivity: inOrder(undo((request) => unpublishPorts(deps, request))),
    AllocateNetwork: async () => ({ Options: {} }),
    FreeNetwork: async () => EMPTY_REPLY,
    DiscoverNew: async () => EMPTY_REPLY,
    DiscoverDelete: async () => EMPTY_REPLY,
    // The data plane has a gateway of its own per network; an address of the subnet for it would be lost.
    GwAllocCheck: async () => ({ SkipIPv4: true, SkipIPv6: true }),
  };
}
