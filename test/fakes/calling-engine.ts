import type { DockerContainer } from '../../src/effects/docker.js';
import type { DockerNetworks } from '../../src/effects/docker-networks.js';
import { ConflictError, NotFoundError } from '../../src/model/errors.js';
import { type DockerNetworkId, parseDockerNetworkId, shortHash } from '../../src/model/ids.js';
import type { NetworkPlan, NetworkRecipe } from '../../src/model/network-plan.js';
import { LOCAL_ADDRESS_SPACE } from '../../src/protocol/activate.js';
import type { CallContext } from '../../src/protocol/call.js';
import type { NetworkDriverHandlers } from '../../src/protocol/network-driver.js';
import { InMemoryDocker } from './in-memory-docker.js';

/**
 * An engine that calls our network driver for its networks before it answers, as the real one does. Subnets must be
 * given: it asks nobody for addresses.
 */
export class CallingEngine implements DockerNetworks {
  readonly docker = new InMemoryDocker();
  /** The engine's own work between our driver's answer and the network's being there. */
  keep: () => Promise<void> = async () => {};
  readonly #host: string;
  readonly #driver: Pick<NetworkDriverHandlers, 'CreateNetwork' | 'DeleteNetwork'>;
  readonly #context: CallContext;
  readonly #containers = new Map<string, DockerContainer>();
  #count = 0;

  constructor(
    host: string,
    driver: Pick<NetworkDriverHandlers, 'CreateNetwork' | 'DeleteNetwork'>,
    context: CallContext,
  ) {
    this.#host = host;
    this.#driver = driver;
    this.#context = context;
  }

  async create(plan: NetworkPlan): Promise<DockerNetworkId> {
    if ((await this.find(plan.name)) !== undefined) throw new ConflictError(`network ${plan.name} already exists`);
    const id = parseDockerNetworkId(shortHash(`${this.#host} ${++this.#count}`, 64));
    const { name, internal, subnets, ipv6, options, labels } = plan;
    const request = {
      networkId: id,
      internal,
      ipv6,
      options,
      subnets: subnets.map(({ cidr, gateway }) => ({
        addressSpace: LOCAL_ADDRESS_SPACE,
        pool: cidr,
        ...(gateway === undefined ? {} : { gateway }),
        auxAddresses: [],
      })),
    };
    await this.#driver.CreateNetwork(request, this.#context);
    await this.keep();
    this.docker.addNetwork({ id, name, internal, subnets, ipv6, options, labels });
    this.docker.tell({ kind: 'networkCreated', networkId: id });
    return id;
  }

  async createConfig({ name, labels, subnets }: NetworkRecipe & { readonly name: string }): Promise<DockerNetworkId> {
    if ((await this.find(name)) !== undefined) throw new ConflictError(`network ${name} already exists`);
    const id = parseDockerNetworkId(shortHash(`${this.#host} ${++this.#count}`, 64));
    this.docker.addNetwork({ id, name, driver: 'null', labels, subnets });
    return id;
  }

  /** Another driver's, which is none of our business. */
  addForeign(name: string): DockerNetworkId {
    const id = parseDockerNetworkId(shortHash(`${this.#host} foreign ${name}`, 64));
    this.docker.addNetwork({ id, name, driver: 'bridge' });
    return id;
  }

  async find(name: string, except?: DockerNetworkId) {
    return (await this.docker.networks())?.find((network) => network.name === name && network.id !== except);
  }

  async remove(id: DockerNetworkId): Promise<void> {
    const network = await this.docker.network(id);
    if (typeof network !== 'object') throw new NotFoundError(`no such network: ${id}`);
    if (
      [...this.#containers.values()].some(({ networks, state }) => state === 'running' && networks[0] === network.name)
    )
      throw new ConflictError(`network ${network.name} has active endpoints`);
    if (network.driver === 'corduroy') await this.#driver.DeleteNetwork({ networkId: id }, this.#context);
    this.docker.removeNetwork(id);
    this.docker.tell({ kind: 'networkRemoved', networkId: id });
  }

  /** `docker network rm NAME` */
  async removeByName(name: string): Promise<void> {
    const found = await this.find(name);
    if (found === undefined) throw new NotFoundError(`no network ${name}`);
    await this.remove(found.id);
  }

  run(name: string, network: string, state = 'running'): void {
    const container = { id: shortHash(name, 64), name, state, image: 'lab:1', labels: {}, networks: [network] };
    this.#containers.set(name, container);
    this.docker.addContainer(container);
  }

  removeContainer(name: string): void {
    this.#containers.delete(name);
    this.docker.removeContainer(shortHash(name, 64));
  }
}
