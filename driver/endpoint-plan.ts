import type { Logger } from '../src/effects/logger.js';
import { contains } from '../src/model/cidr.js';
import type { Endpoint } from '../src/model/endpoint.js';
import { DeadlineExceededError, InternalError, InvalidRequestError, NotFoundError } from '../src/model/errors.js';
import type { DockerNetworkId } from '../src/model/ids.js';
import type { IpAddress } from '../src/model/ip-address.js';
import { macOfEndpoint } from '../src/model/mac-address.js';
import type { Network, NodeNetwork } from '../src/model/network.js';
import type { CreateEndpointRequest } from '../src/protocol/network-driver.js';
import type { DriverDependencies } from './dependencies.js';
import { parseEndpointOptions } from './endpoint-options.js';
import { learnNetworkName } from './network-name.js';
import { asTold } from './network-recipe.js';

interface LocalNetwork {
  readonly network: Network;
  readonly nodeNetwork: NodeNetwork;
}

/** The network under its real name: its policy goes by that. */
export async function namedNetwork(deps: DriverDependencies, id: DockerNetworkId, log: Logger): Promise<LocalNetwork> {
  const local = localNetwork(deps, id);
  if (!local.nodeNetwork.provisional) return local;
  const answer = await deps.docker.network(id);
  if (answer === undefined || answer === 'absent') {
    throw new DeadlineExceededError(
      `Docker did not tell the name of network ${id.slice(0, 12)}, which its policy goes by: try again, and see "corduroy status" if it stays so`,
    );
  }
  await learnNetworkName({ ...deps, log }, asTold(answer));
  return localNetwork(deps, id);
}

/** @throws NotFoundError, or InternalError where its records are not whole */
export function localNetwork({ store }: DriverDependencies, id: DockerNetworkId): LocalNetwork {
  const nodeNetwork = store.localNetworks.get(id)?.value;
  if (nodeNetwork === undefined) {
    throw new NotFoundError(
      `network ${id.slice(0, 12)} is not known to this node: remove it with "docker network rm", and create it again`,
    );
  }
  const network = store.networks.get(nodeNetwork.network)?.value;
  if (network !== undefined) return { network, nodeNetwork };
  throw new InternalError(
    `the record of network ${nodeNetwork.network} is missing: remove the network and create it again`,
  );
}

/** What the request asks for. @throws InvalidRequestError */
export function planEndpoint(
  { node, store, clock }: DriverDependencies,
  request: CreateEndpointRequest,
  network: Network,
): Endpoint {
  const { address, address6, mac } = request.interface;
  const addresses = [address, address6].flatMap((given) => (given === undefined ? [] : [given.address]));
  if (addresses.length === 0) {
    throw new InvalidRequestError(
      `the endpoint has no address: network ${network.name} needs an IPAM driver that gives one, such as --ipam-driver corduroy`,
    );
  }
  for (const each of addresses) requireMember(network, each);
  const options = parseEndpointOptions(request.options, store);
  return {
    id: request.endpointId,
    node,
    dockerNetworkId: request.networkId,
    mac: mac ?? request.chosenMac ?? macOfEndpoint(request.endpointId),
    addresses,
    ...options,
    published: [],
    createdAt: clock.now().toISOString(),
  };
}

function requireMember({ name, subnets }: Network, address: IpAddress): void {
  if (subnets.some(({ cidr }) => contains(cidr, address))) return;
  throw new InvalidRequestError(
    `${address} does not belong to network ${name}: its subnets are ${subnets.map(({ cidr }) => cidr).join(', ')}`,
  );
}

export const sameContent = (one: Endpoint, other: Endpoint): boolean =>
  one.dockerNetworkId === other.dockerNetworkId &&
  one.mac === other.mac &&
  one.addresses.join() === other.addresses.join();
