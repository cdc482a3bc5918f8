import type { ClusterView } from '../src/effects/cluster-view.js';
import { type Endpoint, endpointsOfKeys } from '../src/model/endpoint.js';
import type { EndpointId, NodeName } from '../src/model/ids.js';
import type { IpAddress } from '../src/model/ip-address.js';

/** This node's endpoints, as the records have them at the moment of asking. */
export class LocalEndpoints {
  readonly #view: Pick<ClusterView, 'localEndpoints' | 'problems'>;
  readonly #node: NodeName;

  constructor(view: Pick<ClusterView, 'localEndpoints' | 'problems'>, node: NodeName) {
    this.#view = view;
    this.#node = node;
  }

  all(): readonly Endpoint[] {
    return [...this.#view.localEndpoints.values()].map(({ value }) => value);
  }

  addresses(): ReadonlySet<IpAddress> {
    return new Set(this.all().flatMap(({ addresses }) => addresses));
  }

  /** Those whose records are there and cannot be read. */
  unreadable(): readonly EndpointId[] {
    return endpointsOfKeys(
      this.#node,
      this.#view.problems.map(({ key }) => key),
    );
  }
}
