import type { ContainerWishes, Docker, DockerContainer, DockerEvent, DockerNetwork } from '../../src/effects/docker.js';
import type { DockerNetworkId } from '../../src/model/ids.js';
import { aDockerNetwork } from '../builders/docker.js';

/** An engine's knowledge of networks and containers, which a test changes; `silence` makes it not answer. */
export class InMemoryDocker implements Docker {
  readonly #networks = new Map<DockerNetworkId, DockerNetwork>();
  readonly #containers = new Map<string, DockerContainer>();
  readonly #wishes = new Map<string, Partial<ContainerWishes>>();
  readonly #listeners = new Set<(event: DockerEvent) => void>();
  #silent = false;

  addNetwork(network: Pick<DockerNetwork, 'id' | 'name'> & Partial<DockerNetwork>): void {
    this.#networks.set(network.id, aDockerNetwork(network));
  }

  removeNetwork(id: DockerNetworkId): void {
    this.#networks.delete(id);
  }

  addContainer(container: DockerContainer, wishes: Partial<ContainerWishes> = {}): void {
    this.#containers.set(container.id, container);
    this.#wishes.set(container.id, wishes);
  }

  removeContainer(id: string): void {
    this.#containers.delete(id);
  }

  /** As while the engine starts: nothing is known now. */
  silence(): void {
    this.#silent = true;
  }

  /** `anew`: the stream of events had ended, too. */
  speak({ anew = true }: { readonly anew?: boolean } = {}): void {
    this.#silent = false;
    if (anew) this.tell({ kind: 'connected' });
  }

  tell(event: DockerEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  async network(id: DockerNetworkId): Promise<DockerNetwork | undefined | 'absent'> {
    return this.#silent ? undefined : (this.#networks.get(id) ?? 'absent');
  }

  async networks(): Promise<readonly DockerNetwork[] | undefined> {
    return this.#silent ? undefined : [...this.#networks.values()];
  }

  async containers(): Promise<readonly DockerContainer[] | undefined> {
    return this.#silent ? undefined : [...this.#containers.values()];
  }

  async containerByName(name: string): Promise<DockerContainer | undefined> {
    return (await this.containers())?.find((container) => container.name === name);
  }

  async wishes(containerId: string): Promise<ContainerWishes | undefined> {
    if (this.#silent || !this.#containers.has(containerId)) return undefined;
    return { published: [], linkLocalAddresses: new Map(), ...this.#wishes.get(containerId) };
  }

  lastSilence(): string | undefined {
    return this.#silent ? 'it is silent; let it speak' : undefined;
  }

  events(listener: (event: DockerEvent) => void): { close(): void } {
    this.#listeners.add(listener);
    if (!this.#silent) queueMicrotask(() => this.#listeners.has(listener) && listener({ kind: 'connected' }));
    return { close: () => this.#listeners.delete(listener) };
  }
}
