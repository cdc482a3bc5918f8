import type { Endpoint } from '../model/endpoint.js';
import type { EndpointId, InterfaceName } from '../model/ids.js';
import type { IpAddress } from '../model/ip-address.js';

/**
 * The kernel side of this node's endpoints. What policies, sets and published ports should be, it learns from the
 * ClusterView; these calls add what only Docker's calls can tell: when a link must exist, and when it must go.
 */
export interface Dataplane {
  /**
   * Begins what `attach` waits for, for an endpoint whose record is still being stored. What fails is met again, and
   * told, by `attach`.
   */
  prepare(endpoint: Endpoint, options: { readonly mtu: number }): void;
  /** Takes back what `prepare` did for an endpoint whose record could not be stored. */
  abandon(endpoint: Endpoint): Promise<void>;
  /**
   * Resolves when policy, anti-spoofing, routes and neighbours of the endpoint are in the kernel and the container end
   * waits in the host's namespace, down and without address. Calling again for the same endpoint changes nothing.
   *
   * On failure or abort nothing of the endpoint is left.
   */
  attach(
    endpoint: Endpoint,
    options: { readonly mtu: number; readonly signal?: AbortSignal },
  ): Promise<{ readonly containerInterface: InterfaceName }>;
  /**
   * Resolves when no packet passes any more: dispatch dropped, link down, routes gone. Its connections are forgotten
   * and its link removed soon after; `addressQuiet` tells when. Succeeds for an endpoint that was never attached.
   */
  detach(endpoint: Pick<Endpoint, 'id' | 'addresses'>): Promise<void>;
  /** Endpoints whose host side exists in the kernel. */
  attached(): ReadonlySet<EndpointId>;
  /** Resolves when no route and no connection of the address is left in the kernel; at once if there is none. */
  addressQuiet(address: IpAddress): Promise<void>;
  /** Resolves when all that the view has told up to now is in the kernel. */
  settled(signal?: AbortSignal): Promise<void>;
}
