import type { DockerNetwork } from '../src/effects/docker.js';
import type { Logger } from '../src/effects/logger.js';
import { familyOf } from '../src/model/ip-address.js';
import { LOCAL_ADDRESS_SPACE } from '../src/protocol/activate.js';
import type { CreateNetworkRequest } from '../src/protocol/network-driver.js';
import type { DriverDependencies } from './dependencies.js';
import { learnNetworkName } from './network-name.js';
import { asTold, optionsGiven } from './network-recipe.js';
import { createNetwork } from './networks.js';

/** What Docker's own IPAM driver calls the realm of local networks' addresses. */
const DOCKER_LOCAL_ADDRESS_SPACE = 'LocalDefault';

/**
 * Lays down the records of a network that Docker has and the datastore has lost, by the way of a new one: the request
 * is what Docker would have sent. Gateways come out as they were, because a network's id decides them.
 *
 * @throws CorduroyError for a network that could not be made anew, either
 */
export async function restoreNetwork(
  deps: DriverDependencies & { readonly log: Logger },
  network: DockerNetwork,
): Promise<void> {
  const context = { signal: new AbortController().signal, log: deps.log };
  await createNetwork(deps, asRequest(network), context);
  await learnNetworkName(deps, asTold(network));
}

function asRequest(network: DockerNetwork): CreateNetworkRequest {
  const { id, internal, subnets, ipamDriver, driver } = network;
  const addressSpace = ipamDriver === driver ? LOCAL_ADDRESS_SPACE : DOCKER_LOCAL_ADDRESS_SPACE;
  return {
    networkId: id,
    internal,
    ipv6: subnets.some(({ cidr }) => familyOf(cidr) === 6),
    options: optionsGiven(network),
    subnets: subnets.map(({ cidr, gateway }) => ({
      addressSpace,
      pool: cidr,
      ...(gateway === undefined ? {} : { gateway }),
      auxAddresses: [],
    })),
  };
}
