import { NodeRemover } from '../../driver/node-removal.js';
import { SwarmNetworks } from '../../driver/swarm-networks.js';
import type { LoadedConfig } from '../config/corduroy-config.js';
import { CONFIG_KEYS, CONFIG_NAMES, type ConfigKey } from '../config/keys.js';
import type { BgpStatusSource } from '../effects/bgp-status.js';
import type { CommandRunner } from '../effects/command-runner.js';
import type { Datastore } from '../effects/datastore.js';
import type { DockerNetworks } from '../effects/docker-networks.js';
import type { Logger } from '../effects/logger.js';
import type { ReconcileStatus } from '../effects/reconcile-status.js';
import type { Swarm } from '../effects/swarm.js';
import { readHostFacts } from '../infrastructure/linux/host-facts.js';
import { supportsTunnel } from '../infrastructure/linux/tunnel-support.js';
import { StoredNodeLiveness } from '../infrastructure/stored-node-liveness.js';
import { systemClock } from '../infrastructure/system-clock.js';
import type { AdminContext, SettingView } from '../server/admin/admin-context.js';
import type { Metrics } from '../server/metrics.js';
import type { NodeParts } from './node-parts.js';
import { subnetHolds } from './subnet-holds.js';
import { VERSION } from './version.js';

/** What the admin API stands on. */
export function composeAdmin(given: {
  readonly loaded: LoadedConfig;
  readonly startedAt: Date;
  readonly runner: CommandRunner;
  readonly datastore: Datastore;
  readonly node: NodeParts;
  readonly bgp: BgpStatusSource | undefined;
  readonly dockerNetworks: DockerNetworks;
  readonly swarm: Swarm;
  readonly metrics: Pick<Metrics, 'text'>;
  readonly reconcileStatus: () => ReconcileStatus | undefined;
  readonly log: Logger;
}): AdminContext {
  const { loaded, startedAt, runner, datastore, node, bgp, dockerNetworks, swarm, reconcileStatus, log } = given;
  const { config } = loaded;
  const { store, dataplane } = node;
  const ipam = node.ipam.admin;
  const liveness = new StoredNodeLiveness(datastore, config.nodeName);
  const clock = systemClock;
  return {
    node: config.nodeName,
    version: VERSION,
    startedAt,
    settings: settingViews(loaded),
    store,
    datastore,
    dataplane,
    dataplaneStatus: dataplane,
    bgp,
    ipam,
    dockerNetworks,
    swarm,
    swarmNetworks: new SwarmNetworks({ store, clock, holds: subnetHolds(node.ipam.registry) }),
    networkSync: node.driver.underWay !== undefined,
    nodeAdmin: new NodeRemover({ store, ipam, liveness, clock }),
    liveness,
    reconcileStatus,
    hostFacts: () => readHostFacts(runner, config),
    supportsTunnel: (kind) => supportsTunnel(runner, kind),
    metrics: () => given.metrics.text(),
    clock,
    log,
    settleMs: config.deadlineMs,
  };
}

function settingViews({ values, sources }: LoadedConfig): readonly SettingView[] {
  return CONFIG_NAMES.map((name) => {
    const { type }: ConfigKey<unknown> = CONFIG_KEYS[name];
    const value: unknown = values[name];
    return { name, value: value === undefined ? null : type.format(value), source: sources[name] };
  });
}
