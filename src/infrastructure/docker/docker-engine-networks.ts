import { z } from 'zod';
import type { DockerNetworks, FoundNetwork } from '../../effects/docker-networks.js';
import { type DockerNetworkId, parseDockerNetworkId } from '../../model/ids.js';
import type { NetworkPlan, NetworkRecipe, SubnetPlan } from '../../model/network-plan.js';
import { parsed } from '../../model/record.js';
import { EngineOrders } from './engine-orders.js';

const listed = z.array(
  z.object({
    Id: parsed(parseDockerNetworkId),
    Name: z.string(),
    Driver: z.string(),
    Labels: z.record(z.string(), z.string()).nullish(),
  }),
);

/** Networks of our driver, made and removed in a real engine. */
export class DockerEngineNetworks implements DockerNetworks {
  readonly #orders: EngineOrders;

  constructor(engine: ConstructorParameters<typeof EngineOrders>[0]) {
    this.#orders = new EngineOrders(engine);
  }

  create(network: NetworkPlan): Promise<DockerNetworkId> {
    return this.#create(network.name, (driver) => requestOf(network, driver));
  }

  createConfig(config: NetworkRecipe & { readonly name: string }): Promise<DockerNetworkId> {
    return this.#create(config.name, (driver) => configRequestOf(config, driver));
  }

  async #create(name: string, bodyOf: (driver: string) => object): Promise<DockerNetworkId> {
    const driver = await this.#orders.driver(`network ${name} was not made`);
    return this.#orders.createNetwork(`network ${name}`, bodyOf(driver));
  }

  async find(name: string, except?: DockerNetworkId): Promise<FoundNetwork | undefined> {
    // The filter takes every network whose name contains the text.
    const filters = { name: [name] };
    const answer = await this.#orders.within(`network ${name} was not looked for`, (abortSignal) =>
      this.#orders.engine.listNetworks({ filters, abortSignal }),
    );
    const found = listed.safeParse(answer).data?.find(({ Name, Id }) => Name === name && Id !== except);
    return found === undefined ? undefined : { id: found.Id, driver: found.Driver, labels: found.Labels ?? {} };
  }

  async remove(id: DockerNetworkId): Promise<void> {
    await this.#orders.ask(`network ${id.slice(0, 12)} was not removed`, { path: `/networks/${id}`, method: 'DELETE' });
  }
}

/** The body of `POST /networks/create`. */
export const requestOf = (network: NetworkPlan, plugin: string): object => ({
  ...common(network, plugin),
  Driver: plugin,
  Internal: network.internal,
  Attachable: network.attachable,
});

/** Docker takes no driver, no `--internal` and no `--attachable` with it: those are said of the network made from it. */
const configRequestOf = (config: NetworkRecipe & { readonly name: string }, plugin: string): object => ({
  ...common(config, plugin),
  ConfigOnly: true,
});

function common(network: NetworkRecipe & { readonly name: string }, plugin: string): object {
  const { name, subnets, ipv4, ipv6, options, ipamOptions, labels } = network;
  return {
    Name: name,
    // Before Docker 25 a second network of one name was made unless this said no.
    CheckDuplicate: true,
    // Engines before 28 do not know the word, and always have IPv4.
    ...(ipv4 ? {} : { EnableIPv4: false }),
    EnableIPv6: ipv6,
    Options: options,
    Labels: labels,
    IPAM: { Driver: plugin, Options: ipamOptions, Config: subnets.map(configOf) },
  };
}

const configOf = ({ cidr, gateway, range, auxiliary }: SubnetPlan): object => ({
  Subnet: cidr,
  ...(gateway === undefined ? {} : { Gateway: gateway }),
  ...(range === undefined ? {} : { IPRange: range }),
  ...(Object.keys(auxiliary).length === 0 ? {} : { AuxiliaryAddresses: auxiliary }),
});
