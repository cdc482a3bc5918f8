import type { AddressAssignments } from '../src/effects/addresses.js';
import type { Clock } from '../src/effects/clock.js';
import type { ClusterStore } from '../src/effects/cluster-view.js';
import type { Dataplane } from '../src/effects/dataplane.js';
import type { Docker } from '../src/effects/docker.js';
import type { HostPorts } from '../src/effects/host-ports.js';
import type { HostRoutes } from '../src/effects/host-routes.js';
import type { NodeName } from '../src/model/ids.js';
import type { KeyedQueue } from '../src/model/keyed-queue.js';
import type { Network } from '../src/model/network.js';
import type { NetworksUnderWay } from './networks-under-way.js';

/** All that the network driver needs of the world. */
export interface DriverDependencies {
  readonly node: NodeName;
  readonly store: ClusterStore;
  readonly addresses: AddressAssignments;
  readonly dataplane: Dataplane;
  readonly docker: Docker;
  readonly hostPorts: HostPorts;
  readonly hostRoutes: HostRoutes;
  readonly clock: Clock;
  /** Docker's calls and the reconciler go through it, by endpoint's id or by one of `queue-keys.ts`. */
  readonly queue: KeyedQueue<string>;
  /** Absent: networks are this node's own affair. */
  readonly underWay?: NetworksUnderWay | undefined;
  readonly settings: {
    readonly datastore: 'embedded' | 'etcd';
    /** Bytes, for networks that name none; a network whose packets travel encapsulated has less. */
    readonly mtu: (network: Network) => number;
  };
}
