import type { DockerNetwork } from '../src/effects/docker.js';
import type { Logger } from '../src/effects/logger.js';
import { familyOf } from '../src/model/ip-address.js';
import { LOCAL_ADDRESS_SPACE } from '../src/protocol/activate.js';
import type { CreateNetworkRequest } from '../src/protocol/network-driver.js';
import type { DriverDependencies } from './dependencies.js';
import { learnNetworkName } from './network-name.js';
import { createNetwork } from './networks.js';

/** What Docker's own IPAM driver calls the realm of local networks' addresses. */
const DOCKER_LOCAL_ADDRESS_SPACE = 'LocalDefault';

/** Options that Docker adds by itself. */
const DOCKERS_OWN = new Set(['com.docker.network.enable_ipv4', 'com.docker.network.enable_ipv6']);

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
  await learnNetworkName(deps, network.id, network.name);
}

function asRequest({ id, internal, subnets, options, ipamDriver, driver }: DockerNetwork): CreateNetworkRequest {
  const addressSpace = ipamDriver === driver ? LOCAL_ADDRESS_SPACE : DOCKER_LOCAL_ADDRESS_SPACE;
  return {
    networkId: id,
    internal,
    ipv6: subnets.some(({ cidr }) => familyOf(cidr) === 6),
    options: Object.fromEntries(Object.entries(options).filter(([name]) => !DOCKERS_OWN.has(name))),
    subnets: subnets.map(({ cidr, gateway }) => ({
      addressSpace,
      pool: cidr,
      ...(gateway === undefined ? {} : { gateway }),
      auxAddresses: [],
    })),
  };
}
