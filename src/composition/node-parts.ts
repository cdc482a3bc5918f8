import { join } from 'node:path';
import type { DriverDependencies } from '../../driver/dependencies.js';
import { NetworksUnderWay } from '../../driver/networks-under-way.js';
import { createIpam, type Ipam } from '../../ipam-driver/ipam.js';
import { PolicyEngine } from '../../policy/engine.js';
import { isFlowDenied } from '../../policy/judge-flow.js';
import { DEFAULT_POLICY_SETTINGS } from '../../policy/settings.js';
import { ClusterRoutes } from '../../routing/cluster-routes.js';
import { KernelDataplane } from '../../routing/dataplane.js';
import type { CorduroyConfig } from '../config/corduroy-config.js';
import type { CommandRunner } from '../effects/command-runner.js';
import type { Datastore } from '../effects/datastore.js';
import type { Docker } from '../effects/docker.js';
import type { Kernel } from '../effects/kernel.js';
import type { Logger } from '../effects/logger.js';
import { ClusterCache } from '../infrastructure/cluster-cache.js';
import { DockerEngine } from '../infrastructure/docker/docker-engine.js';
import { FsTextFile } from '../infrastructure/linux/fs-text-file.js';
import { IpHostRoutes } from '../infrastructure/linux/ip-host-routes.js';
import { LinuxHostPorts } from '../infrastructure/linux/linux-host-ports.js';
import { uplinkMtuOfLate } from '../infrastructure/linux/uplink-mtu.js';
import { systemClock } from '../infrastructure/system-clock.js';
import { KeyedQueue } from '../model/keyed-queue.js';
import { containerMtu } from './container-mtu.js';
import { localAddresses } from './local-addresses.js';
import { nodeMatches } from './node-selection.js';
import { OwnBlocks } from './own-blocks.js';
import { WatchedBlocks } from './watched-blocks.js';

/** Docker's name for us: that of the socket. */
export const PLUGIN_NAME = 'corduroy';

/** File in the data directory that remembers the host's own settings which we change. */
export const FORMER_HOST_SETTINGS = 'former-host-settings.json';

/** All that one node consists of, put together and at rest. */
export interface NodeParts {
  readonly store: ClusterCache;
  readonly dataplane: KernelDataplane;
  readonly ipam: Ipam;
  readonly docker: Docker;
  readonly driver: DriverDependencies;
  readonly blocks: WatchedBlocks;
  readonly ownBlocks: OwnBlocks;
  readonly hostPorts: LinuxHostPorts;
}

/**
 * Puts a node together. Synchronous, so that the data plane listens to the store before its first snapshot: the caller
 * starts it in the same turn.
 */
export function composeNode(given: {
  readonly config: CorduroyConfig;
  readonly datastore: Datastore;
  readonly kernel: Kernel;
  readonly runner: CommandRunner;
  readonly log: Logger;
}): NodeParts {
  const { config, datastore, kernel, runner, log } = given;
  const node = config.nodeName;
  const clock = systemClock;
  const store = new ClusterCache({ datastore, node, log });
  const blocks = new WatchedBlocks({ datastore });
  const ownBlocks = new OwnBlocks({ blocks, node });
  const { endpointToHost, metadata } = config;
  const firewall = new PolicyEngine({
    node,
    settings: { ...DEFAULT_POLICY_SETTINGS, endpointToHost, metadata, guardTable: kernel.lastTable },
  });
  const dataplane = new KernelDataplane({
    kernel,
    view: store,
    firewall,
    node,
    flowJudge: () => {
      const states = { 4: firewall.state(4), 6: firewall.state(6) };
      const local = localAddresses(store);
      return (flow) => isFlowDenied(flow, states[flow.family], local);
    },
    clock,
    log,
    formerHostSettings: new FsTextFile(join(config.dataDir, FORMER_HOST_SETTINGS)),
    clusterRoutes: new ClusterRoutes({
      node,
      distribution: config.routeDistribution,
      view: store,
      blocks,
    }),
  });
  const hostRoutes = new IpHostRoutes(runner);
  const ipam = createIpam({
    node,
    datastore,
    store,
    heldBlocks: ownBlocks,
    hostRoutes,
    addressQuiet: (address) => dataplane.addressQuiet(address),
    clock,
    log,
    settings: { cooldownMs: config.cooldownSeconds * 1_000, autoPools: config.autoPools },
    nodeMatches: nodeMatches(store, node),
    families: kernel.families,
  });
  const docker = new DockerEngine({ socketPath: config.dockerSocket, plugin: PLUGIN_NAME, clock, log });
  const hostPorts = new LinuxHostPorts(log);
  const uplinkMtu = uplinkMtuOfLate(clock);
  const { mtu } = config;
  const driver: DriverDependencies = {
    node,
    store,
    addresses: ipam.assignments,
    dataplane,
    docker,
    hostPorts,
    hostRoutes,
    clock,
    queue: new KeyedQueue(),
    ...((config.networkSync ?? config.datastore === 'etcd') ? { underWay: new NetworksUnderWay() } : {}),
    settings: {
      datastore: config.datastore,
      mtu: (network) => mtu ?? containerMtu(network, { store, node, uplinkMtu: uplinkMtu() }),
    },
  };
  return { store, dataplane, ipam, docker, driver, blocks, ownBlocks, hostPorts };
}
