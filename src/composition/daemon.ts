import { networkDriverHandlers } from '../../driver/handlers.js';
import type { CorduroyConfig, LoadedConfig } from '../config/corduroy-config.js';
import type { Datastore } from '../effects/datastore.js';
import type { Logger } from '../effects/logger.js';
import { DockerEngineNetworks } from '../infrastructure/docker/docker-engine-networks.js';
import { DockerSwarm } from '../infrastructure/docker/docker-swarm.js';
import { ownDriverName } from '../infrastructure/docker/driver-name.js';
import { ExecaCommandRunner } from '../infrastructure/linux/execa-command-runner.js';
import { openLinuxKernel } from '../infrastructure/linux/linux-kernel.js';
import { openDatastore } from '../infrastructure/open-datastore.js';
import { systemClock } from '../infrastructure/system-clock.js';
import { timedKernel } from '../infrastructure/timed-kernel.js';
import { adminApp } from '../server/admin/admin-app.js';
import { DeferredListener } from '../server/deferred-listener.js';
import { inheritedSocket, listenOnInheritedSocket } from '../server/inherited-socket.js';
import { createMetrics } from '../server/metrics.js';
import { metricsApp } from '../server/metrics-app.js';
import { pluginApp } from '../server/plugin-app.js';
import { listenOnUnixSocket } from '../server/unix-socket.js';
import { composeAdmin } from './admin.js';
import { afterReady } from './after-ready.js';
import { composeBgp } from './bgp.js';
import { Closers } from './closers.js';
import { configOfStore, nameOfStore } from './datastore-config.js';
import { tryDefaultPools } from './default-pools.js';
import { listenOnTcp } from './listen-on-tcp.js';
import { requireUsable } from './migrate.js';
import { requireReadable } from './newer-records.js';
import { NodeDuties } from './node-duties.js';
import { composeNode, PLUGIN_NAME } from './node-parts.js';
import { collectGarbage } from './settle-memory.js';
import { VERSION } from './version.js';

/** Between the end of a call's work and Docker's reading of the answer, out of the call's deadline. */
const REPLY_MARGIN_MS = 50;
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
  await requireUsableRecords(datastore, config);

  const node = composeNode({ config, datastore, kernel, runner, log });
  closers.add('cluster view', () => node.store.close());
  closers.add('blocks', () => node.blocks.close());
  const bgp = composeBgp({ config, runner, kernel, node, log });
  const usesBgp = config.routeDistribution === 'bgp';
  if (usesBgp) await bgp.daemon.prepare();
  // Before policy takes the records in too: their garbage would be added to what reading them left.
  void node.store.ready().then(() => collectGarbage());
  const inForce = node.dataplane.start();
  // Who waits for it hears of it; if nothing else could be started, nobody does.
  inForce.catch(() => {});
  // The first start may be due to Docker's first call, which wants a subnet of a pool.
  const poolsTried = inForce.then(() => tryDefaultPools({ ipam: node.ipam, config, clock: systemClock, log }));
  poolsTried.catch(() => {});
  closers.add('data plane', () => node.dataplane.stop());
  closers.add('host ports', () => node.hostPorts.close());
  closers.add('BGP', () => bgp.speaker.stop());

  const engine = {
    socketPath: config.dockerSocket,
    driver: () => ownDriverName(config.dockerSocket, PLUGIN_NAME),
  };
  const dockerNetworks = new DockerEngineNetworks(engine);
  const bgpStatus = usesBgp ? bgp.speaker : undefined;
  const metrics = createMetrics({
    node: config.nodeName,
    version: VERSION,
    store: node.store,
    datastore,
    dataplaneStatus: node.dataplane,
    ipam: node.ipam.admin,
    bgp: bgpStatus,
  });
  const stopping = new AbortController();
  const parts = { loaded, startedAt, runner, kernel, datastore, node, dockerNetworks, log };
  const duties = new NodeDuties({ ...parts, bgp, closers, signal: stopping.signal });
  const admin = adminApp(
    composeAdmin({
      ...parts,
      bgp: bgpStatus,
      swarm: new DockerSwarm(engine),
      metrics,
      reconcileStatus: () => duties.status(),
    }),
  );
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
  closers.add('start', () => stopping.abort());
  // In an object: a promise that is returned bare would be awaited, and it never resolves.
  return { failed: failureOf(inForce.then(() => duties.begin(poolsTried))) };
}

/** One that is away is not asked: it is told of when it is back. @throws ConflictError if its records are not for this daemon */
async function requireUsableRecords(datastore: Datastore, config: CorduroyConfig): Promise<void> {
  if (datastore.health().kind !== 'connected') return;
  const store = { name: nameOfStore(config), store: datastore };
  await requireUsable(store);
  await requireReadable(store, config.nodeName);
}

/** Rejects when the work does, and never resolves. */
function failureOf(work: Promise<void>): Promise<never> {
  const failed = work.then(() => new Promise<never>(() => {}));
  // Whoever looks at it later sees it all the same; until then it is not an unhandled one.
  failed.catch(() => {});
  return failed;
}
