import { hostname } from 'node:os';
import { restorePublishedPorts } from '../../driver/external-connectivity.js';
import { networkDriverHandlers } from '../../driver/handlers.js';
import { NetworkSync } from '../../driver/network-sync.js';
import { NodeRemover } from '../../driver/node-removal.js';
import { Reconciler } from '../../driver/reconciler.js';
import { SwarmNetworks } from '../../driver/swarm-networks.js';
import type { CorduroyConfig, LoadedConfig } from '../config/corduroy-config.js';
import { CONFIG_KEYS, CONFIG_NAMES, type ConfigKey } from '../config/keys.js';
import type { Datastore } from '../effects/datastore.js';
import type { Logger } from '../effects/logger.js';
import type { ReconcileFinding, ReconcileStatus } from '../effects/reconcile-status.js';
import { DockerEngineNetworks } from '../infrastructure/docker/docker-engine-networks.js';
import { DockerSwarm } from '../infrastructure/docker/docker-swarm.js';
import { isDriverOf, ownDriverName } from '../infrastructure/docker/driver-name.js';
import { ExecaCommandRunner } from '../infrastructure/linux/execa-command-runner.js';
import { readHostFacts } from '../infrastructure/linux/host-facts.js';
import { openLinuxKernel } from '../infrastructure/linux/linux-kernel.js';
import { supportsTunnel } from '../infrastructure/linux/tunnel-support.js';
import { openDatastore } from '../infrastructure/open-datastore.js';
import { StoredNodeLiveness } from '../infrastructure/stored-node-liveness.js';
import { systemClock } from '../infrastructure/system-clock.js';
import { timedKernel } from '../infrastructure/timed-kernel.js';
import type { Node } from '../model/node.js';
import { adminApp } from '../server/admin/admin-app.js';
import type { SettingView } from '../server/admin/admin-context.js';
import { DeferredListener } from '../server/deferred-listener.js';
import { inheritedSocket, listenOnInheritedSocket } from '../server/inherited-socket.js';
import { createMetrics } from '../server/metrics.js';
import { metricsApp } from '../server/metrics-app.js';
import { pluginApp } from '../server/plugin-app.js';
import { listenOnUnixSocket } from '../server/unix-socket.js';
import { followAddresses } from './address-follower.js';
import { afterReady } from './after-ready.js';
import { composeBgp } from './bgp.js';
import { Closers } from './closers.js';
import { configOfStore, nameOfStore } from './datastore-config.js';
import { hostIdentity } from './host-identity.js';
import { listenOnTcp } from './listen-on-tcp.js';
import { requireUsable } from './migrate.js';
import { requireReadable } from './newer-records.js';
import { composeNode, type NodeParts, PLUGIN_NAME } from './node-parts.js';
import { describeNode, hostAddresses, nodeAddresses, registerNode } from './node-registration.js';
import { networkMatches } from './node-selection.js';
import { NodeTenure } from './node-tenure.js';
import { settleMemory } from './settle-memory.js';
import { subnetHolds } from './subnet-holds.js';
import { TunnelKeeper } from './tunnel-keeper.js';
import { VERSION } from './version.js';

/** Between the end of a call's work and Docker's reading of the answer, out of the call's deadline. */
const REPLY_MARGIN_MS = 50;
const POOLS_RETRY_MS = 1_000;
/** Longest wait, at the end, for calls that are still being undone. */
const UNDO_MS = 3_000;

export interface RunningDaemon {
  /** Rejects if it cannot go on; containers keep what they have. */
  readonly failed: Promise<never>;
  /** Answers the calls in progress and takes no more. Rules, routes and links stay: containers notice nothing. */
  stop(): Promise<void>;
}

/**
 * Starts everything: the plugin's socket first, which Docker may be looking for while it boots, then kernel and store,
 * and what answers. Calls wait, each within its deadline, until the records are read and in force.
 *
 * @throws CorduroyError if this host cannot run it, with the sentence that tells what to do
 */
export async function startDaemon(loaded: LoadedConfig, log: Logger): Promise<RunningDaemon> {
  const closers = new Closers(log);
  try {
    const { failed } = await start(loaded, log, closers);
    return { failed, stop: () => closers.closeAll() };
  } catch (error) {
    await closers.closeAll();
    throw error;
  }
}

async function start(loaded: LoadedConfig, log: Logger, closers: Closers): Promise<Pick<RunningDaemon, 'failed'>> {
  const { config } = loaded;
  const startedAt = systemClock.now();
  const calls = new DeferredListener();
  const held = inheritedSocket(process.env, process.pid);
  const openPluginSocket = () =>
    held === undefined
      ? listenOnUnixSocket(config.pluginSocket, calls.listener)
      : listenOnInheritedSocket(held, calls.listener);
  // In one that systemd holds calls wait by themselves: it is taken last, so that if anything fails, they can be told.
  const ownSocket = held === undefined ? await openPluginSocket() : undefined;
  closers.add('plugin socket', () => ownSocket?.close(0));
  const runner = new ExecaCommandRunner();
  const linux = await openLinuxKernel({ backend: config.iptablesBackend, log });
  closers.add('kernel helpers', () => linux.close());
  const kernel = timedKernel(linux, (apply) => metrics.observeKernelApply(apply));
  const datastore = await openDatastore(configOfStore(config), log);
  closers.add('datastore', () => datastore.close());
  // One that is away is not asked: it is told of when it is back.
  if (datastore.health().kind === 'connected') {
    const store = { name: nameOfStore(config), store: datastore };
    await requireUsable(store);
    await requireReadable(store, config.nodeName);
  }

  const node = composeNode({ config, datastore, kernel, runner, log });
  closers.add('cluster view', () => node.store.close());
  closers.add('blocks', () => node.blocks.close());
  const bgp = composeBgp({ config, runner, kernel, node, log });
  const usesBgp = config.routeDistribution === 'bgp';
  if (usesBgp) await bgp.daemon.prepare();
  const inForce = node.dataplane.start();
  // Who waits for it hears of it; if nothing else could be started, nobody does.
  inForce.catch(() => {});
  // The first start may be due to Docker's first call, which wants a subnet of a pool.
  const poolsTried = inForce.then(() => tryDefaultPools(node, config, log));
  poolsTried.catch(() => {});
  closers.add('data plane', () => node.dataplane.stop());
  closers.add('host ports', () => node.hostPorts.close());
  closers.add('BGP', () => bgp.speaker.stop());

  const ipam = node.ipam.admin;
  const liveness = new StoredNodeLiveness(datastore, config.nodeName);
  const sources = {
    node: config.nodeName,
    version: VERSION,
    datastore,
    dataplaneStatus: node.dataplane,
    ipam,
    bgp: usesBgp ? bgp.speaker : undefined,
  };
  const metrics = createMetrics({ ...sources, store: node.store });
  const tunnelKeeper = new TunnelKeeper({
    node: config.nodeName,
    view: node.store,
    addresses: node.ipam.tunnels,
    clock: systemClock,
    log,
  });
  let reconciler: Reconciler | undefined;
  let networkSync: NetworkSync | undefined;
  const engine = {
    socketPath: config.dockerSocket,
    driver: () => ownDriverName(config.dockerSocket, PLUGIN_NAME),
  };
  const dockerNetworks = new DockerEngineNetworks(engine);
  const admin = adminApp({
    ...sources,
    startedAt,
    settings: settingViews(loaded),
    store: node.store,
    dataplane: node.dataplane,
    nodeAdmin: new NodeRemover({ store: node.store, ipam, liveness, clock: systemClock }),
    liveness,
    dockerNetworks,
    swarm: new DockerSwarm(engine),
    swarmNetworks: new SwarmNetworks({ store: node.store, clock: systemClock, holds: subnetHolds(node.ipam.registry) }),
    networkSync: node.driver.underWay !== undefined,
    hostFacts: () => readHostFacts(runner, config),
    supportsTunnel: (kind) => supportsTunnel(runner, kind),
    metrics: () => metrics.text(),
    clock: systemClock,
    log,
    reconcileStatus: () =>
      withFindings(reconciler?.status(), [...(networkSync?.findings() ?? []), ...tunnelKeeper.findings()]),
    settleMs: config.deadlineMs,
  });
  const adminSocket = await listenOnUnixSocket(config.adminSocket, admin);
  closers.add('admin socket', () => adminSocket.close());

  const plugin = pluginApp({
    handlers: {
      networkDriver: afterReady(networkDriverHandlers(node.driver), inForce),
      ipamDriver: afterReady(node.ipam.handlers, poolsTried),
    },
    log,
    deadlineMs: config.deadlineMs - REPLY_MARGIN_MS,
    hindrance: () => {
      const health = datastore.health();
      return health.kind === 'connected' ? undefined : `${nameOfStore(config)} does not answer (${health.reason})`;
    },
    observe: (call) => metrics.observeRequest(call),
  });
  if (config.metricsListen !== undefined) {
    const app = metricsApp({ metrics, datastore, dataplaneStatus: node.dataplane });
    const server = await listenOnTcp(config.metricsListen, app);
    closers.add('metrics', () => server.close());
  }
  calls.answerWith(plugin.app);
  const pluginSocket = ownSocket ?? (await openPluginSocket());
  closers.add('plugin calls', async () => {
    await pluginSocket.close();
    // Calls that are being undone: with a store that does not answer, what is left of them is the next daemon's.
    await Promise.race([plugin.idle(), systemClock.sleep(UNDO_MS)]);
  });
  log.info(
    { version: VERSION, node: config.nodeName, datastore: config.datastore, socket: config.pluginSocket },
    'listening',
  );
  const stopping = new AbortController();
  closers.add('start', () => stopping.abort());
  // In an object: a promise that is returned bare would be awaited, and it never resolves.
  const failed = failureOf(
    inForce.then(async () => {
      const own = await describeNode(config, runner, startedAt);
      await claimName(datastore, own, log, closers);
      const registration = {
        store: node.store,
        keepsAsNumber: loaded.sources.asNumber === 'default',
        clock: systemClock,
        signal: stopping.signal,
      };
      await registerNode(own, registration);
      const host = {
        present: () => new Set(hostAddresses().map(({ address }) => address)),
        detect: () => nodeAddresses(config, runner),
      };
      void followAddresses(own, { ...registration, host, log });
      void tunnelKeeper.run(stopping.signal);
      let havePools = await poolsTried;
      while (!havePools && !stopping.signal.aborted) {
        await systemClock.sleep(POOLS_RETRY_MS, stopping.signal);
        havePools = await tryDefaultPools(node, config, log);
      }
      if (stopping.signal.aborted) return;
      await (usesBgp ? bgp.speaker.start() : bgp.daemon.retire());
      await restorePublishedPorts({ ...node.driver, log });
      const isOurDriver = (driver: string) => isDriverOf(PLUGIN_NAME, driver);
      reconciler = new Reconciler({
        ...node.driver,
        reclaim: node.ipam.reclaim,
        links: kernel.network,
        isOurDriver,
        log,
      });
      closers.add('reconciler', () => reconciler?.close());
      const { underWay } = node.driver;
      if (underWay !== undefined) {
        const isForThisNode = networkMatches(node.store, config.nodeName);
        networkSync = new NetworkSync({ ...node.driver, dockerNetworks, underWay, isOurDriver, isForThisNode, log });
        closers.add('network sync', () => networkSync?.close());
      }
      settleMemory();
      log.info({ endpoints: node.store.endpoints.size, networks: node.store.networks.size }, 'ready');
    }),
  );
  return { failed };
}

/** Before anything of the node's records is changed: they may be another host's. @throws ConflictError */
async function claimName(datastore: Datastore, { name, ip }: Node, log: Logger, closers: Closers): Promise<void> {
  const { leases } = datastore;
  if (leases === undefined) return;
  const self = { node: name, host: hostIdentity(), hostName: hostname(), ip };
  const tenure = new NodeTenure({ datastore, leases, self, clock: systemClock, log });
  closers.add("the node's lease", () => tenure.close());
  await tenure.claim();
}

/** Rejects when the work does, and never resolves. */
function failureOf(work: Promise<void>): Promise<never> {
  const failed = work.then(() => new Promise<never>(() => {}));
  // Whoever looks at it later sees it all the same; until then it is not an unhandled one.
  failed.catch(() => {});
  return failed;
}

/** False: they could not be made, which is logged. */
async function tryDefaultPools({ ipam }: NodeParts, config: CorduroyConfig, log: Logger): Promise<boolean> {
  const defaults = [config.defaultPoolIpv4, config.defaultPoolIpv6].filter((cidr) => cidr !== undefined);
  try {
    await ipam.ensureDefaultPools(defaults);
    return true;
  } catch (error) {
    log.warn({ error }, 'the default pools could not be made; it is tried again');
    return false;
  }
}

const withFindings = (
  status: ReconcileStatus | undefined,
  more: readonly ReconcileFinding[],
): ReconcileStatus | undefined => status && { ...status, findings: [...status.findings, ...more] };

function settingViews({ values, sources }: LoadedConfig): readonly SettingView[] {
  return CONFIG_NAMES.map((name) => {
    const { type }: ConfigKey<unknown> = CONFIG_KEYS[name];
    const value: unknown = values[name];
    return { name, value: value === undefined ? null : type.format(value), source: sources[name] };
  });
}
