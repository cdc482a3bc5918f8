import type { DockerContainer } from '../src/effects/docker.js';

/** Docker names an endpoint's container by id once it has joined, and by name before. */
export class ContainerFinder {
  readonly #byId: ReadonlyMap<string, DockerContainer>;
  readonly #byName: ReadonlyMap<string, DockerContainer>;

  constructor(containers: readonly DockerContainer[]) {
    this.#byId = new Map(containers.map((container) => [container.id, container]));
    this.#byName = new Map(containers.map((container) => [container.name, container]));
  }

  find({ containerId, containerName }: { containerId?: string | undefined; containerName: string }) {
    return containerId === undefined ? this.#byName.get(containerName) : this.#byId.get(containerId);
  }
}
