import type { DockerNetwork } from '../../src/effects/docker.js';
import { parseCidr } from '../../src/model/cidr.js';
import {
  type DockerNetworkId,
  type EndpointId,
  parseDockerNetworkId,
  parseEndpointId,
  shortHash,
} from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { aDockerNetwork } from '../builders/docker.js';
import type { EngineWorld } from '../contracts/docker-contract.js';
import { InMemoryDocker } from './in-memory-docker.js';

/** What people do to an engine, as changes of what it knows and events that it tells. */
export class EngineModel implements EngineWorld {
  readonly docker = new InMemoryDocker();
  readonly driver: string;
  readonly #networks = new Map<string, DockerNetwork>();
  readonly #containers = new Map<
    string,
    { readonly id: string; readonly network: string; readonly endpoint: EndpointId }
  >();
  #count = 0;

  constructor(driver = 'corduroy') {
    this.driver = driver;
  }

  async createNetwork(name: string): Promise<DockerNetworkId> {
    const network = aDockerNetwork({
      id: parseDockerNetworkId(this.#newId()),
      name,
      driver: this.driver,
      ipamDriver: 'default',
      subnets: [{ cidr: parseCidr('10.77.0.0/24'), gateway: parseIpAddress('10.77.0.1'), auxiliary: {} }],
      labels: { k: 'v' },
    });
    this.#put(network);
    this.docker.tell({ kind: 'networkCreated', networkId: network.id });
    return network.id;
  }

  async removeNetwork(name: string): Promise<void> {
    const { id } = this.#network(name);
    this.#networks.delete(name);
    this.docker.removeNetwork(id);
    this.docker.tell({ kind: 'networkRemoved', networkId: id });
  }

  async run(
    name: string,
    networkName: string,
    labels: Readonly<Record<string, string>> = { tier: 'back' },
  ): Promise<string> {
    const id = this.#newId();
    const endpoint = parseEndpointId(this.#newId());
    this.docker.addContainer({ id, name, state: 'running', image: 'lab:1', labels, networks: [networkName] });
    this.attach(networkName, endpoint, { containerName: name });
    this.attach(networkName, endpoint, { containerName: name, containerId: id });
    this.#containers.set(name, { id, network: networkName, endpoint });
    this.docker.tell({ kind: 'endpointJoined', networkId: this.#network(networkName).id, containerId: id });
    return id;
  }

  async runInVain(name: string, networkName: string): Promise<string> {
    const id = await this.run(name, networkName);
    const known = (await this.docker.containers())?.find((container) => container.id === id);
    if (known === undefined) throw new Error(`no container ${name}`);
    const linkLocalAddresses = new Map([[networkName, ['169.254.7.7']]]);
    this.docker.addContainer(known, { published: ['80/tcp'], linkLocalAddresses });
    return id;
  }

  /** Docker lists the endpoint on the network from now on. */
  attach(networkName: string, endpoint: EndpointId, named: { containerName: string; containerId?: string }): void {
    const network = this.#network(networkName);
    this.#put({ ...network, endpoints: new Map(network.endpoints).set(endpoint, named) });
  }

  async rename(from: string, to: string): Promise<void> {
    const container = this.#container(from);
    const known = (await this.docker.containers())?.find(({ id }) => id === container.id);
    if (known === undefined) throw new Error(`no container ${from}`);
    this.docker.addContainer({ ...known, name: to });
    this.#containers.delete(from);
    this.#containers.set(to, container);
    this.docker.tell({ kind: 'containerRenamed', containerId: container.id });
  }

  async removeContainer(name: string): Promise<void> {
    const { id, network: networkName, endpoint } = this.#container(name);
    this.docker.tell({ kind: 'containerDied', containerId: id });
    const network = this.#network(networkName);
    this.#put({ ...network, endpoints: new Map([...network.endpoints].filter(([other]) => other !== endpoint)) });
    this.docker.tell({ kind: 'endpointLeft', networkId: network.id, containerId: id });
    this.docker.removeContainer(id);
    this.#containers.delete(name);
  }

  endpointOf(name: string): EndpointId {
    return this.#container(name).endpoint;
  }

  async stop(): Promise<void> {
    this.docker.silence();
  }

  async start(): Promise<void> {
    this.docker.speak();
  }

  async close(): Promise<void> {}

  #put(network: DockerNetwork): void {
    this.#networks.set(network.name, network);
    this.docker.addNetwork(network);
  }

  #network(name: string): DockerNetwork {
    const network = this.#networks.get(name);
    if (network === undefined) throw new Error(`no network ${name}`);
    return network;
  }

  #container(name: string) {
    const container = this.#containers.get(name);
    if (container === undefined) throw new Error(`no container ${name}`);
    return container;
  }

  #newId(): string {
    return shortHash(`id ${++this.#count}`, 64);
  }
}
