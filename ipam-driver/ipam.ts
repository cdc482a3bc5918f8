import type { AddressReclaim } from '../src/effects/address-reclaim.js';
import type { AddressAssignments } from '../src/effects/addresses.js';
import type { Clock } from '../src/effects/clock.js';
import type { ClusterStore } from '../src/effects/cluster-view.js';
import type { Datastore } from '../src/effects/datastore.js';
import type { HeldBlocks } from '../src/effects/held-blocks.js';
import type { HostRoutes } from '../src/effects/host-routes.js';
import type { IpamAdmin } from '../src/effects/ipam-admin.js';
import type { Logger } from '../src/effects/logger.js';
import type { Cidr } from '../src/model/cidr.js';
import type { NodeName } from '../src/model/ids.js';
import type { IpAddress, IpFamily } from '../src/model/ip-address.js';
import type { Pool } from '../src/model/pool.js';
import type { IpamDriverHandlers } from '../src/protocol/ipam-driver.js';
import { LedgerIpamAdmin } from './admin.js';
import { DEFAULT_IPAM_OPTIONS, type IpamContext, type IpamOptions } from './allocation-context.js';
import { Allocator } from './allocator.js';
import { LedgerAssignments } from './assignments.js';
import { ensureDefaultPools } from './default-pools.js';
import { createIpamDriverHandlers } from './handlers.js';
import { Ledger } from './ledger.js';
import { isNetworkMade } from './network-made.js';
import { OwnBlocks } from './own-blocks.js';
import { QuietAddresses } from './quiet-addresses.js';
import { ReclaimScope } from './reclaim-scope.js';
import { Reclaimer } from './reclaimer.js';
import { Reservations } from './reservations.js';
import { SubnetRegistry } from './subnet-registry.js';
import { TunnelAddresses } from './tunnel-addresses.js';

export interface IpamDependencies {
  readonly node: NodeName;
  readonly datastore: Pick<Datastore, 'get' | 'list'>;
  readonly store: ClusterStore;
  readonly heldBlocks: HeldBlocks;
  readonly hostRoutes: HostRoutes;
  /** `Dataplane.addressQuiet` */
  readonly addressQuiet: (address: IpAddress) => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings?: Partial<IpamOptions>;
  /** That this host speaks. */
  readonly families: readonly IpFamily[];
  /** Whether a pool's nodeSelector selects this node. */
  readonly nodeMatches: (selector: string) => boolean;
}

/** Address management of one node. */
export interface Ipam {
  readonly handlers: IpamDriverHandlers;
  readonly assignments: AddressAssignments;
  /** To be called at start, and again until it succeeds. */
  ensureDefaultPools(defaults: readonly Cidr[]): Promise<readonly Pool[]>;
  readonly reclaim: AddressReclaim;
  readonly admin: IpamAdmin;
  readonly tunnels: TunnelAddresses;
  /** What its other parts (reclaiming, administration) work with. */
  readonly context: IpamContext;
  readonly registry: SubnetRegistry;
}

/** Puts address management together; it touches nothing until it is called. */
export function createIpam(dependencies: IpamDependencies): Ipam {
  const { datastore, store, heldBlocks, log, addressQuiet, clock, hostRoutes, node, nodeMatches } = dependencies;
  const context: IpamContext = {
    node,
    store,
    ledger: new Ledger({ datastore, store, log }),
    ownBlocks: new OwnBlocks(heldBlocks),
    quiet: new QuietAddresses({ addressQuiet, clock, log }),
    clock,
    log,
    settings: { ...DEFAULT_IPAM_OPTIONS, ...dependencies.settings },
    nodeMatches,
  };
  const registry = new SubnetRegistry(context, hostRoutes);
  const allocator = new Allocator(context);
  const handlers = createIpamDriverHandlers({
    allocator,
    reservations: new Reservations(context),
    registry,
    isNetworkMade: (id) => isNetworkMade(context, id),
  });
  return {
    handlers,
    assignments: new LedgerAssignments(context),
    ensureDefaultPools: (defaults) => ensureDefaultPools(context, defaults),
    admin: new LedgerIpamAdmin(context, registry, datastore),
    tunnels: new TunnelAddresses(context, { allocator, families: dependencies.families }),
    reclaim: new Reclaimer(context, registry, new ReclaimScope(context, { registry, heldBlocks, datastore })),
    context,
    registry,
  };
}
