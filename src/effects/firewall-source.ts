import type { FirewallChanges, FirewallState } from '../model/chain.js';
import type { IpFamily } from '../model/ip-address.js';

/** How the desired packet filter changed. */
export interface FirewallUpdate {
  /** At most one for each family. */
  readonly changes: readonly FirewallChanges[];
  /** A rule or a member became stricter somewhere: flows under way may now be denied. */
  readonly reconsiderFlows: boolean;
}

/** Where the data plane learns what the packet filter should be. */
export interface FirewallSource {
  state(family: IpFamily): FirewallState;
  /** Called synchronously at each change, in order. */
  subscribe(listener: (update: FirewallUpdate) => void): () => void;
}
