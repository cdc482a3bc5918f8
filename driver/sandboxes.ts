import { overlaps } from '../src/model/cidr.js';
import { ConflictError } from '../src/model/errors.js';
import type { EndpointId } from '../src/model/ids.js';
import type { Network } from '../src/model/network.js';
import type { DriverDependencies } from './dependencies.js';

/**
 * Which endpoints Docker put into the same container: it names no container, but the namespace of each. Known for
 * those that joined since the daemon's start.
 */
export class Sandboxes {
  readonly #keys = new Map<EndpointId, string>();

  enter(id: EndpointId, sandboxKey: string): void {
    if (sandboxKey !== '') this.#keys.set(id, sandboxKey);
  }

  leave(id: EndpointId): void {
    this.#keys.delete(id);
  }

  /** Others in the same namespace. */
  companionsOf(id: EndpointId, sandboxKey: string): readonly EndpointId[] {
    return [...this.#keys].filter(([other, key]) => key === sandboxKey && other !== id).map(([other]) => other);
  }
}

/**
 * A container has one route to a subnet. On two networks of the same subnet it would answer all of it by the interface
 * of the one, with the address of the other, which no host lets pass.
 *
 * @throws ConflictError naming both networks
 */
export function refuseSharedSubnet(
  { store }: Pick<DriverDependencies, 'store'>,
  network: Network,
  companions: readonly EndpointId[],
): void {
  for (const id of companions) {
    const endpoint = store.endpoints.get(id)?.value;
    const other = endpoint && store.networkOf(endpoint);
    if (other === undefined || other.name === network.name) continue;
    const shared = network.subnets.find(({ cidr }) => other.subnets.some((subnet) => overlaps(subnet.cidr, cidr)));
    if (shared === undefined) continue;
    throw new ConflictError(
      `a container cannot be on networks ${other.name} and ${network.name} at once: both have subnet ${shared.cidr}, and its answers from one would leave by the other and be dropped; create one of them with a subnet of its own, or put it on one, with the profiles of both ("--label corduroy.profiles=${other.name},${network.name}")`,
    );
  }
}
