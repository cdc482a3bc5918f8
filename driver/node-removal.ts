import type { ClusterStore } from '../src/effects/cluster-view.js';
import type { IpamAdmin } from '../src/effects/ipam-admin.js';
import type { NodeAdmin, NodeRemoval } from '../src/effects/node-admin.js';
import { endpointKey } from '../src/model/endpoint.js';
import { ConflictError } from '../src/model/errors.js';
import type { NodeName } from '../src/model/ids.js';
import { nodeKey } from '../src/model/node.js';
import { networkRemoval } from './networks.js';

/** Endpoints that one transaction removes: below etcd's limit of 128 writes. */
const AT_ONCE = 100;
const MAX_ATTEMPTS = 8;

/** Removes what a node that is gone for good has left in the records. */
export class NodeRemover implements NodeAdmin {
  readonly #store: ClusterStore;
  readonly #ipam: Pick<IpamAdmin, 'releaseNode'>;

  constructor(deps: { readonly store: ClusterStore; readonly ipam: Pick<IpamAdmin, 'releaseNode'> }) {
    this.#store = deps.store;
    this.#ipam = deps.ipam;
  }

  async remove(node: NodeName, { removeEndpoints }: { readonly removeEndpoints: boolean }): Promise<NodeRemoval> {
    const known = this.#store.nodes.has(node);
    const endpoints = this.#endpointsOf(node).length;
    if (endpoints > 0 && !removeEndpoints) {
      throw new ConflictError(
        `cannot remove node ${node}: it has ${endpoints} endpoints; remove their containers there, or use --remove-endpoints if the host is gone`,
      );
    }
    await this.#removeEndpoints(node);
    const networks = await this.#removeNetworks(node);
    const addresses = await this.#ipam.releaseNode(node);
    if (known) await this.#store.transact({ compares: [], writes: [{ kind: 'delete', key: nodeKey(node) }] });
    return { endpoints, networks, addresses, known };
  }

  #endpointsOf(node: NodeName) {
    return [...this.#store.endpoints.values()].map(({ value }) => value).filter((endpoint) => endpoint.node === node);
  }

  async #removeEndpoints(node: NodeName): Promise<void> {
    for (let some = this.#endpointsOf(node); some.length > 0; some = this.#endpointsOf(node)) {
      const writes = some.slice(0, AT_ONCE).map(({ id }) => ({ kind: 'delete' as const, key: endpointKey(node, id) }));
      await this.#store.transact({ compares: [], writes });
    }
  }

  async #removeNetworks(node: NodeName): Promise<number> {
    const local = [...this.#store.nodeNetworks.values()].filter(({ value }) => value.node === node);
    for (const { value } of local) {
      for (let attempt = 1; ; attempt++) {
        const removal = networkRemoval(this.#store, node, value.dockerNetworkId);
        if (removal === undefined || (await this.#store.transact(removal)).kind === 'committed') break;
        if (attempt === MAX_ATTEMPTS) {
          throw new ConflictError(`network ${value.network} of node ${node} is being changed by others; try again`);
        }
      }
    }
    return local.length;
  }
}
