import type { AddressReclaim, Reclaimed } from '../src/effects/address-reclaim.js';
import type { DockerNetwork } from '../src/effects/docker.js';
import { BlockRecord, blockKey } from '../src/model/block.js';
import type { Cidr } from '../src/model/cidr.js';
import { endpointsOfKeys } from '../src/model/endpoint.js';
import { handleKey } from '../src/model/handle.js';
import type { DockerNetworkId, EndpointId } from '../src/model/ids.js';
import { type IpamContext, isoNow } from './allocation-context.js';
import { findBlock } from './assignments.js';
import { allocationOf, free, isCooling } from './block.js';
import { type Doomed, decideReclaim, type ReclaimView } from './reclaim.js';
import type { ReclaimScope } from './reclaim-scope.js';
import type { SubnetRegistry } from './subnet-registry.js';

/** Reads what there is, asks `decideReclaim`, and frees what it says if it is still as it was seen. */
export class Reclaimer implements AddressReclaim {
  readonly #context: IpamContext;
  readonly #registry: SubnetRegistry;
  readonly #scope: ReclaimScope;
  #suspects: ReadonlyMap<string, Date> = new Map();

  constructor(context: IpamContext, registry: SubnetRegistry, scope: ReclaimScope) {
    this.#context = context;
    this.#registry = registry;
    this.#scope = scope;
  }

  async reclaim(docker: readonly DockerNetwork[] | undefined): Promise<Reclaimed> {
    const { log } = this.#context;
    const { holds, blocks, unheld } = await this.#scope.look();
    const decision = decideReclaim({ ...this.#view(), holds, blocks, docker });
    this.#suspects = decision.suspects;
    const addresses = [];
    for (const doomed of decision.addresses) {
      if (!(await freeIfSame(this.#context, doomed))) continue;
      addresses.push(doomed.address);
      log.info({ address: doomed.address, was: doomed.allocation }, 'freed an address that nobody has');
    }
    const freedSubnets: Cidr[] = [];
    for (const { subnet, reference } of decision.references) {
      if (!(await this.#registry.release({ subnet, reference }))) continue;
      freedSubnets.push(subnet);
      log.info({ subnet, reference }, 'gave up the subnet of a network that nobody knows');
    }
    for (const subnet of unheld) await this.#registry.sweep(subnet);
    return { addresses, subnets: freedSubnets };
  }

  #view(): Omit<ReclaimView, 'holds' | 'blocks' | 'docker'> {
    const { clock, node, store } = this.#context;
    const networks = new Map<DockerNetworkId, readonly Cidr[]>();
    for (const [id, { value }] of store.localNetworks) {
      networks.set(id, store.networks.get(value.network)?.value.subnets.map(({ cidr }) => cidr) ?? []);
    }
    // An endpoint whose record cannot be read still has its addresses.
    const unreadable = new Set<string>(
      endpointsOfKeys(
        node,
        store.problems.map(({ key }) => key),
      ),
    );
    const endpoints = { has: (id: string) => store.endpoints.has(id as EndpointId) || unreadable.has(id) };
    return { now: clock.now(), node, endpoints, networks, suspects: this.#suspects };
  }
}

/** Frees an address if it is still held as it was seen. */
export async function freeIfSame(context: IpamContext, { address, allocation }: Doomed): Promise<boolean> {
  const freed = await context.ledger.run({
    decide: async (draft) => {
      const found = await findBlock(draft, address);
      if (found === undefined) return false;
      const now = allocationOf(found.block, address);
      if (now?.state !== allocation.state || now.handle !== allocation.handle || now.since !== allocation.since)
        return false;
      const after = free(found.block, address, isoNow(context));
      draft.write(BlockRecord, blockKey(after.subnet, after.cidr), after);
      // Its endpoint is gone: what other addresses it had are freed one by one, each as this one.
      if (now.state === 'bound') draft.writeBlindly({ kind: 'delete', key: handleKey(now.handle) });
      return isCooling(after, address);
    },
  });
  if (freed) context.quiet.isQuiet(address);
  return freed;
}
