import type { BgpStatusSource } from '../../effects/bgp-status.js';
import type { Clock } from '../../effects/clock.js';
import type { ClusterStore } from '../../effects/cluster-view.js';
import type { Dataplane } from '../../effects/dataplane.js';
import type { DataplaneStatusSource } from '../../effects/dataplane-status.js';
import type { Datastore } from '../../effects/datastore.js';
import type { DockerNetworks } from '../../effects/docker-networks.js';
import type { HostFacts } from '../../effects/host-facts.js';
import type { IpamAdmin } from '../../effects/ipam-admin.js';
import type { Logger } from '../../effects/logger.js';
import type { NodeAdmin } from '../../effects/node-admin.js';
import type { NodeLiveness } from '../../effects/node-liveness.js';
import type { ReconcileStatus } from '../../effects/reconcile-status.js';
import type { Swarm, SwarmNetworkRecords } from '../../effects/swarm.js';
import type { NodeName } from '../../model/ids.js';
import type { TunnelKind } from '../../model/tunnel.js';

/** One setting as people are shown it: no value here is secret. */
export interface SettingView {
  readonly name: string;
  readonly value: string | null;
  readonly source: string;
}

/** All that the admin API stands on. */
export interface AdminContext {
  readonly node: NodeName;
  readonly version: string;
  readonly startedAt: Date;
  readonly settings: readonly SettingView[];
  readonly store: ClusterStore;
  readonly datastore: Pick<Datastore, 'health'>;
  readonly dataplane: Pick<Dataplane, 'settled' | 'attached'>;
  readonly dataplaneStatus: DataplaneStatusSource;
  /** Undefined where routes are not exchanged by BGP. */
  readonly bgp: BgpStatusSource | undefined;
  readonly ipam: IpamAdmin;
  readonly dockerNetworks: DockerNetworks;
  readonly swarm: Swarm;
  readonly swarmNetworks: SwarmNetworkRecords;
  /** Other nodes make and remove the networks that are made and removed here. */
  readonly networkSync: boolean;
  readonly nodeAdmin: NodeAdmin;
  readonly liveness: NodeLiveness;
  /** Undefined until the daemon has looked at Docker for the first time. */
  readonly reconcileStatus: () => ReconcileStatus | undefined;
  /** What the host looks like now. */
  readonly hostFacts: () => Promise<HostFacts>;
  /** Whether this host's kernel can encapsulate so. */
  readonly supportsTunnel: (kind: TunnelKind) => Promise<boolean>;
  /** The Prometheus exposition text. */
  readonly metrics: () => Promise<string>;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long a change is waited for until the kernel has it, in milliseconds. */
  readonly settleMs: number;
}
