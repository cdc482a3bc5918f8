import type { FirewallChanges, FirewallState } from '../model/chain.js';
import type { IpFamily } from '../model/ip-address.js';
import type { ClusterChange } from './cluster-view.js';

/** Where the data plane learns what the packet filter should be: records go in, desired state comes out. No I/O. */
export interface FirewallSource {
  apply(change: ClusterChange): void;
  /** All that one family's packet filter should hold now. Later changes do not show in it. */
  state(family: IpFamily): FirewallState;
  /** What became different since this was last called. */
  takeChanges(): {
    /** At most one for each family. */
    readonly changes: readonly FirewallChanges[];
    /** Something became stricter: connections under way may now be denied. */
    readonly reconsiderFlows: boolean;
  };
}
