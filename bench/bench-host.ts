import { fileURLToPath } from 'node:url';
import type { LabHost } from '../test/lab/host.js';
import { Lab } from '../test/lab/lab.js';

export type StoreKind = 'embedded' | 'etcd';

const program = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const SUBNET = '10.110.0.0/16';
const ETCD = 'http://127.0.0.1:2379';

/** A host of the lab with our daemon on one kind of store, the rivals on the same, and a network to load. */
export interface BenchHost {
  readonly host: LabHost;
  readonly store: StoreKind;
  /** Word for load.ts, for each plugin. */
  readonly ours: string;
  readonly naive: string;
  readonly batched: string;
  /** Runs load.ts on the host. */
  load(...words: readonly string[]): Promise<Readonly<Record<string, readonly number[]>>>;
  down(): Promise<void>;
}

export async function benchHost(store: StoreKind): Promise<BenchHost> {
  const lab = await Lab.up();
  const { host } = lab;
  try {
    if (store === 'etcd') await startEtcd(host);
    await host.startCorduroy({ environment: { CORDUROY_DATASTORE: store } });
    await host.docker('network', 'create', '-d', 'corduroy', '--ipam-driver', 'corduroy', '--subnet', SUBNET, 'load');
    const network = await host.docker('network', 'inspect', '-f', '{{.Id}}', 'load');
    return {
      host,
      store,
      ours: `corduroy=/run/docker/plugins/corduroy.sock,${network},${await poolIdOf(host, SUBNET)}`,
      naive: await startRival(host, 'naive', store),
      batched: await startRival(host, 'batched', store),
      load: async (...words) =>
        JSON.parse(await host.run(process.execPath, program('./load.js'), ...words)) as Record<string, number[]>,
      down: () => lab.down(),
    };
  } catch (error) {
    const log = host.corduroyLog();
    await lab.down();
    throw new Error(`no bench host with the ${store} store: the daemon's log ends:\n${log}`, { cause: error });
  }
}

export async function startEtcd(host: LabHost, options: readonly string[] = []): Promise<void> {
  const etcd = host.start('etcd', ['etcd', '--data-dir', '/var/lib/corduroy/etcd', '--logger', 'zap', ...options]);
  await etcd.waitUntil(async () => (await host.try(['curl', '-sf', `${ETCD}/health`])).exitCode === 0, 10_000);
}

/** Docker does not show the pool's id, so the subnet is requested once more: a second reference to the same addresses. */
export async function poolIdOf(host: LabHost, subnet: string): Promise<string> {
  const request = { AddressSpace: 'CorduroyLocal', Pool: subnet, SubPool: '', Options: {}, V6: false };
  const words = ['--unix-socket', '/run/docker/plugins/corduroy.sock', '-d', JSON.stringify(request)];
  const reply = JSON.parse(await host.run('curl', '-s', ...words, 'http://x/IpamDriver.RequestPool')) as {
    readonly PoolID?: string;
    readonly Error?: string;
  };
  if (reply.PoolID === undefined) throw new Error(`the subnet cannot be requested again: ${reply.Error}`);
  return reply.PoolID;
}

async function startRival(host: LabHost, kind: 'naive' | 'batched', store: StoreKind): Promise<string> {
  const socket = `/run/lab/${kind}.sock`;
  const place = store === 'etcd' ? `etcd:${ETCD}` : `embedded:/var/lib/corduroy/${kind}`;
  const rival = host.start(kind, [process.execPath, program('./rivals/rival-plugin.js'), kind, socket, place]);
  await rival.waitUntil(async () => (await host.try(['test', '-S', socket])).exitCode === 0, 10_000);
  return `${kind}=${socket},none,none`;
}
