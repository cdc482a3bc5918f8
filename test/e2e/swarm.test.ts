import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { EtcdCluster } from '../lab/etcd-cluster.js';
import type { LabHost } from '../lab/host.js';
import { Lab } from '../lab/lab.js';
import { describeInLab } from '../lab/needs.js';
import { PLUGIN, servePlugin } from '../lab/plugin-registry.js';
import { CLUSTER_TOOLS } from './corduroy-cluster.js';
import { E2E_TIMEOUT_MS, eventually } from './corduroy-host.js';

/** Each host's registry answers at once that it does not have it, and Swarm goes on with the local image. */
const IMAGE = '127.0.0.1:5000/lab:1';

interface Task {
  readonly host: LabHost;
  readonly name: string;
  readonly address: string;
}

describeInLab("Swarm's services on three hosts", () => {
  let lab: Lab;
  let etcd: EtcdCluster;
  const host = (index: number): LabHost => {
    const found = lab.hosts[index];
    if (found === undefined) throw new Error(`the lab has no host ${index}`);
    return found;
  };

  beforeAll(async () => {
    lab = await Lab.up({ hosts: 3 });
    etcd = await EtcdCluster.start(lab.outside, {});
    await servePlugin(host(0));
    await Promise.all(lab.hosts.slice(1).map(servePlugin));
    // One after the other: an engine gives a plugin that starts slowly only some seconds.
    for (const one of lab.hosts) {
      const settings = [
        'CORDUROY_DATASTORE=etcd',
        `CORDUROY_ETCD_ENDPOINTS=${etcd.members.map(({ endpoint }) => endpoint).join(',')}`,
        `CORDUROY_NODE_NAME=${one.name}`,
        `CORDUROY_NODE_IP=${lab.addressOf(one)}`,
      ];
      const install = ['plugin', 'install', '--alias', 'corduroy', '--grant-all-permissions', '--disable'];
      await one.docker(...install, PLUGIN, ...settings);
      await eventually(
        () => one.tryDocker('plugin', 'enable', 'corduroy'),
        ({ exitCode }) => exitCode === 0,
        30_000,
      );
      await one.docker('tag', 'lab:1', IMAGE);
      await ready(one);
    }
  }, 3 * E2E_TIMEOUT_MS);
  afterAll(async () => {
    if (process.env['CORDUROY_LAB_LOGS'] !== undefined) {
      for (const one of lab?.hosts ?? []) process.stderr.write(`== ${one.name}\n${one.dockerdLog(400)}\n`);
    }
    await lab?.down();
    await etcd?.destroy();
  }, E2E_TIMEOUT_MS);

  const ready = (one: LabHost) =>
    eventually(
      () => one.tryCord('status'),
      ({ exitCode }) => exitCode === 0,
      30_000,
    );

  /** Running tasks of the service, by host. */
  async function tasks(on: readonly LabHost[] = lab.hosts): Promise<readonly Task[]> {
    const found = await Promise.all(
      on.map(async (one) => {
        const filter = ['--filter', 'label=com.docker.swarm.service.name=web', '--filter', 'status=running'];
        const names = (await one.docker('ps', ...filter, '--format', '{{.Names}}')).split('\n').filter(Boolean);
        return Promise.all(
          names.map(async (name): Promise<Task> => {
            const address = await (await one.container(name)).address('shop');
            return { host: one, name, address };
          }),
        );
      }),
    );
    return found.flat();
  }
  const running = (count: number, on?: readonly LabHost[]) =>
    eventually(
      () => tasks(on).catch(() => []),
      (list) => list.length === count,
      30_000,
    );

  test(
    'a host that cannot make a swarm network says why',
    async () => {
      const refused = await host(0).tryCord('network', 'create', '--swarm', 'shop');
      expect(refused.stderr).toMatch(/Docker is in no swarm.*\n.*docker swarm init/);
      await host(0).docker('swarm', 'init', '--advertise-addr', lab.addressOf(host(0)));
      const token = await host(0).docker('swarm', 'join-token', '-q', 'manager');
      for (const one of lab.hosts.slice(1)) {
        const own = ['--advertise-addr', lab.addressOf(one), `${lab.addressOf(host(0))}:2377`];
        await one.docker('swarm', 'join', '--token', token, ...own);
      }
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'replicas get addresses of their hosts, and reach each other by address and by name, seen as themselves',
    async () => {
      const made = await host(0).cord('network', 'create', '--swarm', '--attachable', '-o', 'mtu=1400', 'shop');
      expect(made).toMatch(/created swarm network shop \(10\..*\); 3 of 3 hosts are prepared for its tasks/);
      const service = ['--detach', '--endpoint-mode', 'dnsrr', '--network', 'shop', '--no-resolve-image'];
      await host(0).docker('service', 'create', '--name', 'web', '--replicas', '3', ...service, IMAGE);
      const list = await running(3);
      expect(new Set(list.map((task) => task.host.name)).size).toBe(3);
      const blocks = JSON.parse(await host(0).cord('ipam', 'show', '--blocks', '-o', 'json')) as {
        readonly node: string;
        readonly cidr: string;
      }[];
      for (const task of list) {
        const own = blocks.filter(({ node }) => node === task.host.name).map(({ cidr }) => cidr);
        expect(own.some((cidr) => isIn(task.address, cidr))).toBe(true);
      }

      const [server, client] = list as [Task, Task];
      const from = await client.host.container(client.name);
      await (await server.host.container(server.name)).serve(80);
      await eventually(() => from.reaches(server.address), Boolean);
      expect(await from.seenBy(server.address, 80)).toBe(client.address);
      const names = await client.host.docker('exec', client.name, 'nslookup', 'web');
      for (const task of list) expect(names).toContain(`Address: ${task.address}`);
      expect(JSON.parse(await host(1).cord('network', 'show', 'shop', '-o', 'json'))).toMatchObject({
        swarm: true,
        nodes: ['h1', 'h2', 'h3'],
        preparedNodes: ['h1', 'h2', 'h3'],
        mtu: 1400,
      });
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'it is scaled up and down, and a drained host has none of it',
    async () => {
      await host(1).docker('service', 'scale', '--detach', 'web=6');
      const many = await running(6);
      expect(new Set(many.map(({ address }) => address)).size).toBe(6);
      await host(1).docker('service', 'scale', '--detach', 'web=3');
      await running(3);
      await host(1).docker('node', 'update', '--availability', 'drain', 'h3');
      await running(0, [host(2)]);
      await running(3);
      await host(1).docker('node', 'update', '--availability', 'active', 'h3');
      for (const one of lab.hosts) {
        expect(JSON.parse(await one.cord('status', '-o', 'json'))).toMatchObject({ findings: [] });
      }
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'it is removed from the swarm and from every host when no service is on it',
    async () => {
      const refused = await host(1).tryCord('network', 'remove', 'shop');
      expect(refused.stderr).toContain('is in use');
      await host(1).docker('service', 'rm', 'web');
      await eventually(
        () => host(1).tryCord('network', 'remove', 'shop'),
        ({ exitCode }) => exitCode === 0,
        20_000,
      );
      const names = () => Promise.all(lab.hosts.map((one) => one.docker('network', 'ls', '--format', '{{.Name}}')));
      await eventually(names, (lists) => lists.every((list) => !/^shop/m.test(list)), 20_000);
      await eventually(
        () => host(0).cord('network', 'list'),
        (text) => !text.includes('shop'),
      );
    },
    E2E_TIMEOUT_MS,
  );
}, [...CLUSTER_TOOLS, 'docker-registry', 'bird', 'strip']);

/** Blocks here are /26. */
function isIn(address: string, cidr: string): boolean {
  const number = (text: string) => text.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  const [base = '', length = '32'] = cidr.split('/');
  return (
    Math.floor(number(address) / 2 ** (32 - Number(length))) === Math.floor(number(base) / 2 ** (32 - Number(length)))
  );
}
