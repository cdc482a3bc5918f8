import type { Container } from '../lab/container.js';
import { EtcdCluster } from '../lab/etcd-cluster.js';
import type { LabHost } from '../lab/host.js';
import { Lab } from '../lab/lab.js';
import { PLUGIN, servePlugin } from '../lab/plugin-registry.js';
import { CLUSTER_TOOLS } from './corduroy-cluster.js';
import { eventually } from './corduroy-host.js';

/** Programs beyond those of any lab. For describeInLab. */
export const SWARM_TOOLS = [...CLUSTER_TOOLS, 'docker-registry', 'bird', 'strip'];

/** Each host's registry answers at once that it does not have it, and Swarm goes on with the local image. */
export const SWARM_IMAGE = '127.0.0.1:5000/lab:1';

/** A running container of a service. */
export interface Task {
  readonly host: LabHost;
  readonly name: string;
  readonly address: string;
}

const succeeds = ({ exitCode }: { readonly exitCode: number }) => exitCode === 0;

/** Three hosts with the managed plugin each, and the etcd that they share; all three become managers of one swarm. */
export class SwarmLab {
  readonly lab: Lab;
  readonly etcd: EtcdCluster;

  private constructor(lab: Lab, etcd: EtcdCluster) {
    this.lab = lab;
    this.etcd = etcd;
  }

  /** In no swarm yet. */
  static async up(): Promise<SwarmLab> {
    const lab = await Lab.up({ hosts: 3 });
    let etcd: EtcdCluster | undefined;
    try {
      etcd = await EtcdCluster.start(lab.outside, {});
      await servePlugin(lab.host);
      await Promise.all(lab.hosts.slice(1).map(servePlugin));
      const swarm = new SwarmLab(lab, etcd);
      // One after the other: an engine gives a plugin that starts slowly only some seconds.
      for (const host of lab.hosts) await swarm.#install(host);
      return swarm;
    } catch (error) {
      await lab.down();
      await etcd?.destroy();
      throw error;
    }
  }

  async #install(host: LabHost): Promise<void> {
    const settings = [
      'CORDUROY_DATASTORE=etcd',
      `CORDUROY_ETCD_ENDPOINTS=${this.etcd.members.map(({ endpoint }) => endpoint).join(',')}`,
      `CORDUROY_NODE_NAME=${host.name}`,
      `CORDUROY_NODE_IP=${this.lab.addressOf(host)}`,
    ];
    const install = ['plugin', 'install', '--alias', 'corduroy', '--grant-all-permissions', '--disable'];
    await host.docker(...install, PLUGIN, ...settings);
    await eventually(() => host.tryDocker('plugin', 'enable', 'corduroy'), succeeds, 30_000);
    await host.docker('tag', 'lab:1', SWARM_IMAGE);
    await this.ready(host);
  }

  get hosts(): readonly LabHost[] {
    return this.lab.hosts;
  }

  /** The first is number 0. */
  host(index: number): LabHost {
    const found = this.hosts[index];
    if (found === undefined) throw new Error(`the lab has no host ${index}`);
    return found;
  }

  /** All but this one. */
  others(host: LabHost): readonly [LabHost, LabHost] {
    return this.hosts.filter((other) => other !== host) as [LabHost, LabHost];
  }

  /** The daemon answers there. */
  async ready(host: LabHost): Promise<void> {
    await eventually(() => host.tryCord('status'), succeeds, 30_000);
  }

  /** The first host begins the swarm, and the others join it. */
  async form(): Promise<void> {
    const first = this.host(0);
    await first.docker('swarm', 'init', '--advertise-addr', this.lab.addressOf(first));
    for (const host of this.hosts.slice(1)) await this.join(host, first);
  }

  async join(host: LabHost, manager: LabHost): Promise<void> {
    const token = await manager.docker('swarm', 'join-token', '-q', 'manager');
    const own = ['--advertise-addr', this.lab.addressOf(host), `${this.lab.addressOf(manager)}:2377`];
    await host.docker('swarm', 'join', '--token', token, ...own);
  }

  /** Its host, as a manager knows it; undefined: there is none now. */
  async leader(asked: LabHost): Promise<LabHost | undefined> {
    const { stdout } = await asked.tryDocker('node', 'ls', '--format', '{{.Hostname}} {{.ManagerStatus}}');
    const [name] = /^(\S+) Leader$/m.exec(stdout)?.slice(1) ?? [];
    return this.hosts.find((host) => host.name === name);
  }

  /** Service `web`: a task's container stays until it is told to end. */
  async serve(network: string, replicas: number): Promise<void> {
    const flags = ['--detach', '--endpoint-mode', 'dnsrr', '--network', network, '--no-resolve-image'];
    await this.host(0).docker('service', 'create', '--name', 'web', '--replicas', `${replicas}`, ...flags, SWARM_IMAGE);
  }

  /** Once a manager of the swarm takes it. */
  async scale(manager: LabHost, service: string, replicas: number): Promise<void> {
    const order = ['service', 'scale', '--detach', `${service}=${replicas}`];
    await eventually(() => manager.tryDocker(...order), succeeds, 60_000);
  }

  /** Running tasks of the service, by host. */
  async tasks(network: string, { service = 'web', on = this.hosts }: TaskFilter = {}): Promise<readonly Task[]> {
    const label = `label=com.docker.swarm.service.name=${service}`;
    const found = await Promise.all(
      on.map(async (host) => {
        const list = await host.docker('ps', '--filter', label, '--filter', 'status=running', '--format', '{{.Names}}');
        const names = list.split('\n').filter(Boolean);
        if (names.length === 0) return [];
        const address = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`;
        const addresses = (await host.docker('inspect', '-f', address, ...names)).split('\n');
        return names.map((name, index): Task => ({ host, name, address: addresses[index] ?? '' }));
      }),
    );
    return found.flat();
  }

  /** As soon as so many of them run. */
  running(network: string, count: number, filter: TaskFilter & { readonly withinMs?: number } = {}) {
    return eventually(
      () => this.tasks(network, filter).catch(() => []),
      (list) => list.length === count,
      filter.withinMs ?? 30_000,
    );
  }

  container({ host, name }: Task): Promise<Container> {
    return host.container(name);
  }

  /** The host comes up after a crash: cable, registry for the images, and an engine, which starts the plugin. */
  async reboot(host: LabHost): Promise<void> {
    await this.lab.reboot(host);
    await host.startDockerd();
    await servePlugin(host);
    await this.ready(host);
  }

  /** What every daemon finds wrong with addresses; empty if all is well. */
  async addressFindings(): Promise<readonly unknown[]> {
    const checks = await Promise.all(this.hosts.map((host) => host.cord('ipam', 'check', '-o', 'json')));
    return checks.flatMap((text) => (JSON.parse(text) as { readonly findings: readonly unknown[] }).findings);
  }

  async down(): Promise<void> {
    if (process.env['CORDUROY_LAB_LOGS'] !== undefined) {
      for (const host of this.hosts) process.stderr.write(`== ${host.name}\n${host.dockerdLog(400)}\n`);
    }
    await this.lab.down();
    await this.etcd.destroy();
  }
}

interface TaskFilter {
  readonly service?: string;
  readonly on?: readonly LabHost[];
}
