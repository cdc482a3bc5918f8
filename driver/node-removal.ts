import type { Clock } from '../src/effects/clock.js';
import type { ClusterStore } from '../src/effects/cluster-view.js';
import type { IpamAdmin } from '../src/effects/ipam-admin.js';
import type { NodeAdmin, NodeRemoval } from '../src/effects/node-admin.js';
import type { NodeLiveness } from '../src/effects/node-liveness.js';
import { endpointKey } from '../src/model/endpoint.js';
import { ConflictError, DatastoreUnavailableError } from '../src/model/errors.js';
import { filtered } from '../src/model/filtered.js';
import type { NodeName } from '../src/model/ids.js';
import { configNetworkKey } from '../src/model/network.js';
import { nodeKey } from '../src/model/node.js';
import { sightingKey } from '../src/model/tenure.js';
import { networkRemoval } from './networks.js';

/** Endpoints that one transaction removes: below etcd's limit of 128 writes. */
const AT_ONCE = 100;
const MAX_ATTEMPTS = 8;
/** A daemon that has just died counts as alive until its lease runs out: so long its end is waited for, in ms. */
const PATIENCE_MS = 15_000;
const POLL_MS = 500;

/** Removes what a node that is gone for good has left in the records. */
export class NodeRemover implements NodeAdmin {
  readonly #store: ClusterStore;
  readonly #ipam: Pick<IpamAdmin, 'releaseNode'>;
  readonly #liveness: NodeLiveness;
  readonly #clock: Clock;

  constructor(deps: {
    readonly store: ClusterStore;
    readonly ipam: Pick<IpamAdmin, 'releaseNode'>;
    readonly liveness: NodeLiveness;
    readonly clock: Clock;
  }) {
    this.#store = deps.store;
    this.#ipam = deps.ipam;
    this.#liveness = deps.liveness;
    this.#clock = deps.clock;
  }

  async remove(node: NodeName, { removeEndpoints }: { readonly removeEndpoints: boolean }): Promise<NodeRemoval> {
    const known = this.#store.nodes.has(node);
    const endpoints = this.#endpointsOf(node).length;
    if (endpoints > 0 && !removeEndpoints) {
      throw new ConflictError(
        `cannot remove node ${node}: it has ${endpoints} endpoints; remove their containers there, or use --remove-endpoints if the host is gone`,
      );
    }
    await this.#requireGone(node);
    await this.#removeEndpoints(node);
    const networks = await this.#removeNetworks(node);
    await this.#removeConfigNetworks(node);
    const addresses = await this.#ipam.releaseNode(node);
    if (known) {
      const keys = [nodeKey(node), sightingKey(node)];
      await this.#store.transact({ compares: [], writes: keys.map((key) => ({ kind: 'delete', key })) });
    }
    return { endpoints, networks, addresses, known };
  }

  #endpointsOf(node: NodeName) {
    return [...filtered(this.#store.endpoints.values(), ({ value }) => value.node === node)].map(({ value }) => value);
  }

  async #requireGone(node: NodeName): Promise<void> {
    const until = this.#clock.now().getTime() + PATIENCE_MS;
    for (;;) {
      const state = (await this.#liveness.of([node])).get(node)?.state;
      if (state === 'gone') return;
      if (state !== 'alive') {
        throw new DatastoreUnavailableError(
          `cannot remove node ${node}: the datastore does not tell whether its daemon lives; try again when "corduroy status" shows it connected`,
        );
      }
      if (this.#clock.now().getTime() >= until) {
        throw new ConflictError(
          `cannot remove node ${node}: its daemon lives, and its containers may have the addresses that would be given to others; stop the daemon and the containers there, and try again`,
        );
      }
      await this.#clock.sleep(POLL_MS);
    }
  }

  async #removeEndpoints(node: NodeName): Promise<void> {
    for (let some = this.#endpointsOf(node); some.length > 0; some = this.#endpointsOf(node)) {
      const writes = some.slice(0, AT_ONCE).map(({ id }) => ({ kind: 'delete' as const, key: endpointKey(node, id) }));
      await this.#store.transact({ compares: [], writes });
    }
  }

  async #removeConfigNetworks(node: NodeName): Promise<void> {
    for (const { value } of [...this.#store.configNetworks.values()].filter(({ value }) => value.node === node)) {
      const key = configNetworkKey(node, value.network);
      await this.#store.transact({ compares: [], writes: [{ kind: 'delete', key }] });
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
