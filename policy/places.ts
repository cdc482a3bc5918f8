import type { DockerNetworkId, EndpointId, NodeName } from '../src/model/ids.js';
import type { NodeNetwork } from '../src/model/network.js';

/** A network on one node; either may come first, its record or its endpoints. */
export interface Place {
  readonly node: NodeName;
  readonly dockerNetworkId: DockerNetworkId;
  record: NodeNetwork | undefined;
  readonly endpoints: Set<EndpointId>;
}

type PlaceKey = Pick<Place, 'node' | 'dockerNetworkId'>;

/** The places of all nodes; one without a record and endpoints takes no room. */
export class Places {
  readonly #places = new Map<NodeName, Map<DockerNetworkId, Place>>();

  at({ node, dockerNetworkId }: PlaceKey): Place | undefined {
    return this.#places.get(node)?.get(dockerNetworkId);
  }

  /** As `at`; it is made if there is none. */
  make({ node, dockerNetworkId }: PlaceKey): Place {
    const places = this.#places.get(node) ?? new Map<DockerNetworkId, Place>();
    const place = places.get(dockerNetworkId) ?? { node, dockerNetworkId, record: undefined, endpoints: new Set() };
    this.#places.set(node, places.set(dockerNetworkId, place));
    return place;
  }

  forgetIfEmpty({ node, dockerNetworkId, record, endpoints }: Place): void {
    if (record !== undefined || endpoints.size > 0) return;
    const places = this.#places.get(node);
    places?.delete(dockerNetworkId);
    if (places?.size === 0) this.#places.delete(node);
  }
}
