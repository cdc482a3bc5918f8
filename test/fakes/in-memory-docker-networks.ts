import type { ClusterStore } from '../../src/effects/cluster-view.js';
import type { DockerNetworks } from '../../src/effects/docker-networks.js';
import { ConflictError, NotFoundError } from '../../src/model/errors.js';
import { type DockerNetworkId, type NodeName, parseDockerNetworkId } from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { NetworkRecord, NodeNetworkRecord, networkKey, nodeNetworkKey } from '../../src/model/network.js';
import type { NetworkPlan } from '../../src/model/network-plan.js';

/** An engine whose calls of our plugin have the usual end: the network's records are there, and gone, when it answers. */
export class InMemoryDockerNetworks implements DockerNetworks {
  readonly plans: NetworkPlan[] = [];
  /** Docker does not tell the names of networks that it makes. */
  keepsNames = false;
  readonly #store: ClusterStore;
  readonly #node: NodeName;
  readonly #busy: ReadonlySet<DockerNetworkId>;

  /** @param busy networks with containers on them */
  constructor(store: ClusterStore, node: NodeName, busy: ReadonlySet<DockerNetworkId>) {
    this.#store = store;
    this.#node = node;
    this.#busy = busy;
  }

  async create(plan: NetworkPlan): Promise<DockerNetworkId> {
    const { name, internal } = plan;
    if (this.#store.networks.has(name)) throw new ConflictError(`network with name ${name} already exists`);
    this.plans.push(plan);
    const dockerNetworkId = parseDockerNetworkId(String(this.plans.length).repeat(64));
    const subnets = plan.subnets.map(({ cidr, gateway }) => ({ cidr, gateway }));
    const options = { profiles: [], publish: 'allow' } as const;
    const node = this.#node;
    const local = { node, dockerNetworkId, network: name, linkLocalGateway: parseIpAddress('169.254.2.1') };
    await this.#store.transact({
      compares: [],
      writes: [
        {
          kind: 'put',
          key: networkKey(name),
          value: NetworkRecord.encode({ name, subnets, ipam: 'corduroy', internal, options }),
        },
        {
          kind: 'put',
          key: nodeNetworkKey(node, dockerNetworkId),
          value: NodeNetworkRecord.encode({ ...local, provisional: this.keepsNames }),
        },
      ],
    });
    return dockerNetworkId;
  }

  async find(name: string): Promise<undefined> {
    throw new Error(`nobody looks for network ${name} here`);
  }

  async createConfig({ name }: { readonly name: string }): Promise<never> {
    throw new Error(`nobody makes config-only network ${name} here`);
  }

  async remove(id: DockerNetworkId): Promise<void> {
    const local = this.#store.localNetworks.get(id)?.value;
    if (local === undefined) throw new NotFoundError(`no such network: ${id}`);
    if (this.#busy.has(id)) throw new ConflictError(`network ${local.network} has active endpoints`);
    const keys = [networkKey(local.network), nodeNetworkKey(this.#node, id)];
    await this.#store.transact({ compares: [], writes: keys.map((key) => ({ kind: 'delete', key })) });
  }
}
