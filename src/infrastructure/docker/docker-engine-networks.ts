import type Dockerode from 'dockerode';
import { z } from 'zod';
import type { DockerNetworks, FoundNetwork } from '../../effects/docker-networks.js';
import {
  ConflictError,
  type CorduroyError,
  DockerUnavailableError,
  describeError,
  InternalError,
  InvalidRequestError,
  NotFoundError,
} from '../../model/errors.js';
import { type DockerNetworkId, parseDockerNetworkId } from '../../model/ids.js';
import type { NetworkPlan, NetworkRecipe, SubnetPlan } from '../../model/network-plan.js';
import { parsed } from '../../model/record.js';
import { askEngine, connectToEngine, type EngineRequest } from './engine-connection.js';

/** Docker's own work, and several calls of our plugin that each have a deadline of 2 s. */
const DEADLINE_MS = 20_000;

const listed = z.array(
  z.object({
    Id: parsed(parseDockerNetworkId),
    Name: z.string(),
    Driver: z.string(),
    Labels: z.record(z.string(), z.string()).nullish(),
  }),
);
const created = z.object({ Id: parsed(parseDockerNetworkId) });

/** Networks of our driver, made and removed in a real engine. */
export class DockerEngineNetworks implements DockerNetworks {
  readonly #engine: Dockerode;
  readonly #driver: () => Promise<string>;

  /** @param options.driver our name as network and IPAM driver, which a managed plugin's engine has to be asked for */
  constructor(options: { readonly socketPath: string; readonly driver: () => Promise<string> }) {
    this.#engine = connectToEngine(options.socketPath);
    this.#driver = options.driver;
  }

  create(network: NetworkPlan): Promise<DockerNetworkId> {
    return this.#create(network.name, (driver) => requestOf(network, driver));
  }

  createConfig(config: NetworkRecipe & { readonly name: string }): Promise<DockerNetworkId> {
    return this.#create(config.name, (driver) => configRequestOf(config, driver));
  }

  async #create(name: string, bodyOf: (driver: string) => object): Promise<DockerNetworkId> {
    const failure = `network ${name} was not made`;
    const driver = await this.#driver().catch((error: unknown) => {
      throw refusalOf(error, failure);
    });
    const answer = await this.#ask(failure, { path: '/networks/create', method: 'POST', body: bodyOf(driver) });
    const id = created.safeParse(answer).data?.Id;
    if (id !== undefined) return id;
    throw new InternalError(`Docker made network ${name} and its answer cannot be read; see "docker network ls"`);
  }

  async find(name: string, except?: DockerNetworkId): Promise<FoundNetwork | undefined> {
    // The filter takes every network whose name contains the text.
    const filters = { name: [name] };
    const answer = await this.#engine
      .listNetworks({ filters, abortSignal: AbortSignal.timeout(DEADLINE_MS) })
      .catch((error: unknown) => {
        throw refusalOf(error, `network ${name} was not looked for`);
      });
    const found = listed.safeParse(answer).data?.find(({ Name, Id }) => Name === name && Id !== except);
    return found === undefined ? undefined : { id: found.Id, driver: found.Driver, labels: found.Labels ?? {} };
  }

  async remove(id: DockerNetworkId): Promise<void> {
    await this.#ask(`network ${id.slice(0, 12)} was not removed`, { path: `/networks/${id}`, method: 'DELETE' });
  }

  async #ask(failure: string, request: Omit<EngineRequest, 'abortSignal'>): Promise<unknown> {
    try {
      return await askEngine(this.#engine, { ...request, abortSignal: AbortSignal.timeout(DEADLINE_MS) });
    } catch (error) {
      throw refusalOf(error, failure);
    }
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

const refused = z.object({ statusCode: z.int(), json: z.object({ message: z.string() }).optional() });

/** What Docker's answer means. Its own words stand in the message; ours within them may end in a remedy already. */
export function refusalOf(error: unknown, failure: string): CorduroyError {
  const answer = refused.safeParse(error).data;
  if (answer === undefined) {
    const problem = `${failure}: Docker does not answer: ${describeError(error)}`;
    return new DockerUnavailableError(`${problem}; start it, see "systemctl status docker", and try again`, {
      cause: error,
    });
  }
  const words = answer.json?.message ?? describeError(error);
  const message = `${failure}: Docker says: ${words}`;
  switch (answer.statusCode) {
    case 404:
      return new NotFoundError(message, { cause: error });
    case 403:
    case 409:
      return new ConflictError(`${message}${remedyFor(words)}`, { cause: error });
    default:
      // A container on the network is a 403 of newer engines and a 500 of older ones.
      return new InvalidRequestError(`${message}${remedyFor(words)}`, { cause: error });
  }
}

function remedyFor(words: string): string {
  if (words.includes('active endpoints')) return '; disconnect or remove the containers on it first';
  if (words.includes('already exists')) return '; choose another name, or remove that network first';
  return '';
}
