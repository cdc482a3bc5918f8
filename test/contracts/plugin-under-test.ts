import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import request from 'supertest';
import type { DriverDependencies } from '../../driver/dependencies.js';
import { networkDriverHandlers } from '../../driver/handlers.js';
import { createIpam } from '../../ipam-driver/ipam.js';
import { OwnBlocks } from '../../src/composition/own-blocks.js';
import { WatchedBlocks } from '../../src/composition/watched-blocks.js';
import type { HostRoute, HostRoutes } from '../../src/effects/host-routes.js';
import { silentLogger } from '../../src/effects/logger.js';
import { ClusterCache } from '../../src/infrastructure/cluster-cache.js';
import { parseCidr } from '../../src/model/cidr.js';
import { parseNodeName } from '../../src/model/ids.js';
import { KeyedQueue } from '../../src/model/keyed-queue.js';
import { pluginApp } from '../../src/server/plugin-app.js';
import { listenOnUnixSocket } from '../../src/server/unix-socket.js';
import { InMemoryDataplane } from '../fakes/in-memory-dataplane.js';
import { InMemoryDatastore } from '../fakes/in-memory-datastore.js';
import { InMemoryDocker } from '../fakes/in-memory-docker.js';
import { InMemoryHostPorts } from '../fakes/in-memory-host-ports.js';

export interface PluginReply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  /** What Docker would print, or undefined for success. */
  readonly error: string | undefined;
}

export type PluginUnderTest = Awaited<ReturnType<typeof startPlugin>>;

/** The whole plugin on a unix socket, over a datastore in memory, and a kernel and an engine that are models. */
export async function startPlugin(
  options: {
    readonly deadlineMs?: number;
    readonly datastore?: 'embedded' | 'etcd';
    readonly hostRoutes?: readonly HostRoute[];
  } = {},
) {
  const directory = await mkdtemp(join(tmpdir(), 'corduroy-plugin-'));
  const socketPath = join(directory, 'corduroy.sock');
  const node = parseNodeName('node1');
  const datastore = new InMemoryDatastore();
  const store = new ClusterCache({ datastore, node, log: silentLogger });
  const blocks = new WatchedBlocks({ datastore });
  const dataplane = new InMemoryDataplane();
  const docker = new InMemoryDocker();
  const hostPorts = new InMemoryHostPorts();
  const hostRoutes: HostRoutes = { list: async () => options.hostRoutes ?? [] };
  const clock = { now: () => new Date('2026-01-01T00:00:00Z'), sleep: async () => {} };
  const ipam = createIpam({
    node,
    datastore,
    store,
    heldBlocks: new OwnBlocks({ blocks, node }),
    hostRoutes,
    addressQuiet: (address) => dataplane.addressQuiet(address),
    clock,
    log: silentLogger,
    nodeMatches: () => true,
    families: [4, 6],
  });
  const dependencies: DriverDependencies = {
    node,
    store,
    addresses: ipam.assignments,
    dataplane,
    docker,
    hostPorts,
    hostRoutes,
    clock,
    queue: new KeyedQueue(),
    settings: { datastore: options.datastore ?? 'embedded', mtu: () => 1_500 },
  };
  const handlers = { networkDriver: networkDriverHandlers(dependencies), ipamDriver: ipam.handlers };
  const { app, idle } = pluginApp({
    handlers,
    log: silentLogger,
    ...(options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs }),
  });
  await store.ready();
  await ipam.ensureDefaultPools([parseCidr('10.64.0.0/12'), parseCidr('fd80:c0de::/48')]);
  const server = await listenOnUnixSocket(socketPath, app);

  const post = async (path: string, text: string): Promise<PluginReply> => {
    const reply = await request(`http+unix://${encodeURIComponent(socketPath)}`)
      .post(path)
      // Docker declares no type, and leaves the host empty.
      .set('Content-Type', '')
      .set('Host', '')
      .send(text)
      .buffer(true);
    return { status: reply.status, body: reply.body, error: errorIn(path, reply.status, reply.body) };
  };
  return {
    ...dependencies,
    dataplane,
    docker,
    hostPorts,
    datastore,
    socketPath,
    /** A call such as `/NetworkDriver.Join`, as Docker makes it; the text is sent as it is. */
    post,
    call: (method: string, body: object): Promise<PluginReply> => post(`/${method}`, JSON.stringify(body)),
    idle,
    stop: async () => {
      await server.close();
      await idle();
      await store.close();
      await rm(directory, { recursive: true });
    },
  };
}

/** Where Docker looks for an error (protocol.md, section 2). */
function errorIn(path: string, status: number, body: Readonly<Record<string, unknown>>): string | undefined {
  const field = status === 200 && path.startsWith('/IpamDriver.') ? 'Error' : 'Err';
  const text = body[field];
  if (typeof text === 'string' && text !== '') return text;
  return status === 200 ? undefined : `HTTP ${status}`;
}
