import type { DockerNetwork } from '../src/effects/docker.js';
import type { NetworkRecipe } from '../src/model/network-plan.js';

/** Options that Docker adds by itself. */
const DOCKERS_OWN = new Set(['com.docker.network.enable_ipv4', 'com.docker.network.enable_ipv6']);

/** The options that the user gave with `-o`. */
export const optionsGiven = ({ options }: Pick<DockerNetwork, 'options'>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(options).filter(([name]) => !DOCKERS_OWN.has(name)));

/** What naming needs to know of a network of Docker's. */
export interface ToldNetwork extends Pick<DockerNetwork, 'id' | 'name'> {
  readonly recipe: NetworkRecipe | undefined;
}

export const asTold = (network: DockerNetwork): ToldNetwork => ({ ...network, recipe: recipeOf(network) });

/**
 * What to tell another host's Docker, to have the same network there. Undefined for a network of Swarm's, whose managers
 * see to every node themselves.
 */
function recipeOf(network: DockerNetwork): NetworkRecipe | undefined {
  if (network.scope !== 'local') return undefined;
  const { subnets, ipv4, ipv6, attachable, ipamOptions, labels } = network;
  return { subnets, ipv4, ipv6, attachable, options: optionsGiven(network), ipamOptions, labels };
}
