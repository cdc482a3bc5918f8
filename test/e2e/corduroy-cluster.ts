import { afterAll, beforeAll } from '@jest/globals';
import type { FabricKind } from '../lab/address-plan.js';
import { EtcdCluster, type EtcdClusterOptions } from '../lab/etcd-cluster.js';
import { Lab } from '../lab/lab.js';
import { CorduroyLab, E2E_TIMEOUT_MS } from './corduroy-host.js';

/** Programs beyond those of any lab. For describeInLab. */
export const CLUSTER_TOOLS = ['etcd', 'etcdctl', 'openssl', 'setpriv'];

export interface ClusterOptions extends EtcdClusterOptions {
  readonly hosts?: number;
  readonly fabric?: FabricKind;
  /** Whether a network that is made on one host comes to the others by itself. Default: a test makes it on each. */
  readonly networkSync?: boolean;
  /** The daemons find their hosts' addresses themselves; else they are told. */
  readonly detectAddress?: boolean;
  /** More flags for every daemon. */
  readonly arguments?: readonly string[];
  /** daemon.json of every engine. */
  readonly engineSettings?: Readonly<Record<string, unknown>>;
}

/** Hosts with an engine and our daemon each, and the etcd that they share. */
export class CorduroyCluster {
  readonly lab: Lab;
  readonly etcd: EtcdCluster;
  /** In the order of the lab's hosts, named `h1` and up. */
  readonly nodes: readonly CorduroyLab[];
  readonly #options: ClusterOptions;

  private constructor(lab: Lab, etcd: EtcdCluster, options: ClusterOptions) {
    this.lab = lab;
    this.etcd = etcd;
    this.#options = options;
    this.nodes = lab.hosts.map((host) => new CorduroyLab(lab, host));
  }

  /** Engines, etcd and daemons, all answering. */
  static async up(options: ClusterOptions): Promise<CorduroyCluster> {
    const { hosts = 2, fabric = 'l2', engineSettings: settings = {} } = options;
    const lab = await Lab.up({ hosts, fabric, engines: false });
    let etcd: EtcdCluster | undefined;
    try {
      const starting = Promise.all(lab.hosts.map((host) => host.startDockerd({ settings })));
      etcd = await EtcdCluster.start(lab.outside, options);
      await starting;
      const cluster = new CorduroyCluster(lab, etcd, options);
      await Promise.all(cluster.nodes.map((node) => cluster.startDaemon(node)));
      return cluster;
    } catch (error) {
      await lab.down();
      await etcd?.destroy();
      throw error;
    }
  }

  /** The first host is number 0. */
  node(index: number): CorduroyLab {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`the cluster has no host number ${index + 1}`);
    return node;
  }

  /** Starts our daemon on a host where it does not run, under the host's name. */
  startDaemon({ host }: CorduroyLab, ...flags: readonly string[]): Promise<void> {
    const sync = ['--network-sync', `${this.#options.networkSync ?? false}`];
    const found = ['--node-ip-detect', 'cidr=10.99.0.0/16'];
    const address = this.#options.detectAddress ? found : ['--node-ip', this.lab.addressOf(host)];
    const own = ['--node-name', host.name, ...address, ...sync];
    return host.startCorduroy({
      arguments: [...this.etcd.daemonFlags, ...own, ...(this.#options.arguments ?? []), ...flags],
    });
  }

  /** The same network on every host. */
  async network(name: string, subnet: string): Promise<void> {
    for (const node of this.nodes) await node.network(name, '--subnet', subnet);
  }

  async removeNetworks(...names: readonly string[]): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.removeNetworks(...names)));
  }

  /** The host comes up after a crash as a machine does: cable, daemon, engine. An engine that is first waits seconds for us. */
  async reboot(node: CorduroyLab): Promise<void> {
    await this.lab.reboot(node.host);
    await this.startDaemon(node);
    await node.host.startDockerd({ settings: this.#options.engineSettings ?? {} });
  }

  async down(): Promise<void> {
    await this.lab.down();
    await this.etcd.destroy();
  }
}

/** Registers the making and the ending of a cluster for the describe block it is called in. */
export function useCorduroyCluster(options: ClusterOptions = {}): () => CorduroyCluster {
  let current: CorduroyCluster | undefined;
  beforeAll(async () => {
    current = await CorduroyCluster.up(options);
  }, E2E_TIMEOUT_MS);
  afterAll(async () => {
    if (process.env['CORDUROY_LAB_LOGS'] !== undefined) {
      for (const { host } of current?.nodes ?? []) process.stderr.write(`== ${host.name}\n${host.corduroyLog(400)}\n`);
    }
    await current?.down();
  }, E2E_TIMEOUT_MS);
  return () => {
    if (current === undefined) throw new Error('the cluster is not up');
    return current;
  };
}
