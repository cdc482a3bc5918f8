import type { ReconcileFinding } from '../src/effects/reconcile-status.js';
import { type Cidr, overlaps } from '../src/model/cidr.js';
import type { Endpoint } from '../src/model/endpoint.js';
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
  readonly #endpoints = new Map<string, Set<EndpointId>>();

  enter(id: EndpointId, sandboxKey: string): void {
    this.leave(id);
    if (sandboxKey === '') return;
    this.#keys.set(id, sandboxKey);
    const endpoints = this.#endpoints.get(sandboxKey) ?? new Set();
    this.#endpoints.set(sandboxKey, endpoints.add(id));
  }

  leave(id: EndpointId): void {
    const key = this.#keys.get(id);
    if (key === undefined) return;
    this.#keys.delete(id);
    const endpoints = this.#endpoints.get(key);
    endpoints?.delete(id);
    if (endpoints?.size === 0) this.#endpoints.delete(key);
  }

  /** Others in the same namespace. */
  companionsOf(id: EndpointId, sandboxKey: string): readonly EndpointId[] {
    return [...(this.#endpoints.get(sandboxKey) ?? [])].filter((other) => other !== id);
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
    const shared = sharedSubnet(other, network);
    if (shared === undefined) continue;
    throw new ConflictError(
      `a container cannot be on networks ${other.name} and ${network.name} at once: both have subnet ${shared}, and its answers from one would leave by the other and be dropped; create one of them with a subnet of its own, or put it on one, with the profiles of both ("--label corduroy.profiles=${other.name},${network.name}")`,
    );
  }
}

/** Containers that are on two such networks all the same: they joined while another daemon ran. */
export function sharedSubnetFindings(
  { store }: Pick<DriverDependencies, 'store'>,
  endpoints: readonly Endpoint[],
): readonly ReconcileFinding[] {
  const findings: ReconcileFinding[] = [];
  const seen = new Map<string, Network[]>();
  for (const endpoint of endpoints) {
    const network = store.networkOf(endpoint);
    if (endpoint.container === undefined || network === undefined) continue;
    const { id, name } = endpoint.container;
    const others = seen.get(id) ?? [];
    for (const other of others) {
      const shared = other.name === network.name ? undefined : sharedSubnet(other, network);
      if (shared === undefined) continue;
      const message = `container ${name} is on networks ${other.name} and ${network.name}, which both have subnet ${shared}: its answers from one leave by the other and are dropped; disconnect it from one of them`;
      findings.push({ kind: 'shared-subnet', subject: name, message });
    }
    seen.set(id, [...others, network]);
  }
  return findings;
}

const sharedSubnet = (one: Network, other: Network): Cidr | undefined =>
  other.subnets.find(({ cidr }) => one.subnets.some((subnet) => overlaps(subnet.cidr, cidr)))?.cidr;
