import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { LabHost } from '../lab/host.js';
import { describeInLab } from '../lab/needs.js';
import { E2E_TIMEOUT_MS, eventually } from './corduroy-host.js';
import { SWARM_IMAGE, SWARM_TOOLS, SwarmLab, type Task } from './swarm-lab.js';

const PORT = '7700';

describeInLab(
  "Swarm's services on three hosts",
  () => {
    let swarm: SwarmLab;
    const host = (index: number): LabHost => swarm.host(index);
    const running = (count: number, on?: readonly LabHost[], withinMs?: number) =>
      swarm.running('shop', count, { ...(on && { on }), ...(withinMs && { withinMs }) });

    beforeAll(async () => {
      swarm = await SwarmLab.up();
    }, 3 * E2E_TIMEOUT_MS);
    afterAll(() => swarm?.down(), E2E_TIMEOUT_MS);

    test(
      'a host that cannot make a swarm network says why',
      async () => {
        const refused = await host(0).tryCord('network', 'create', '--swarm', 'shop');
        expect(refused.stderr).toMatch(/Docker is in no swarm.*\n.*docker swarm init/);
        await swarm.form();
      },
      E2E_TIMEOUT_MS,
    );

    test(
      'replicas get addresses of their hosts, and reach each other by address and by name, seen as themselves',
      async () => {
        const made = await host(0).cord('network', 'create', '--swarm', '--attachable', '-o', 'mtu=1400', 'shop');
        expect(made).toMatch(/created swarm network shop \(10\..*\); 3 of 3 hosts are prepared for its tasks/);
        await swarm.serve('shop', 3);
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
        const from = await swarm.container(client);
        await (await swarm.container(server)).serve(80);
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
      'a drained host has none of them',
      async () => {
        await host(1).docker('node', 'update', '--availability', 'drain', 'h3');
        await running(0, [host(2)]);
        await running(3);
        await host(1).docker('node', 'update', '--availability', 'active', 'h3');
        for (const one of swarm.hosts) {
          expect(JSON.parse(await one.cord('status', '-o', 'json'))).toMatchObject({ findings: [] });
        }
      },
      E2E_TIMEOUT_MS,
    );

    test(
      'thirty of them, and none: no address is held twice, and none in the end',
      async () => {
        await swarm.scale(host(1), 'web', 30);
        const many = await running(30);
        expect(new Set(many.map(({ address }) => address)).size).toBe(30);
        await swarm.scale(host(1), 'web', 0);
        await running(0);
        await eventually(assigned, (count) => count === 0);
        expect(await swarm.addressFindings()).toEqual([]);
      },
      2 * E2E_TIMEOUT_MS,
    );

    const assigned = async (): Promise<number> => {
      const pools = JSON.parse(await host(0).cord('ipam', 'show', '-o', 'json')) as { usage: { assigned: string } }[];
      return pools.reduce((sum, { usage }) => sum + Number(usage.assigned), 0);
    };

    test(
      "a stack's services name it as an external network, and are updated on it",
      async () => {
        const deploy = '{replicas: 2, endpoint_mode: dnsrr}';
        const stack = [
          'version: "3.8"',
          `services: {api: {image: "${SWARM_IMAGE}", networks: [shop], deploy: ${deploy}}}`,
          'networks: {shop: {external: true}}',
        ];
        await host(0).run('sh', '-c', 'printf "%s\\n" "$@" >/run/lab/stack.yml', 'sh', ...stack);
        await host(0).docker('stack', 'deploy', '--resolve-image', 'never', '-c', '/run/lab/stack.yml', 'one');
        const list = await swarm.running('shop', 2, { service: 'one_api' });
        const [first] = list as [Task];
        const names = await first.host.docker('exec', first.name, 'nslookup', 'api');
        for (const { address } of list) expect(names).toContain(`Address: ${address}`);
        const update = ['--detach', '--force', '--update-parallelism', '0', '--update-order', 'start-first'];
        await host(1).docker('service', 'update', ...update, 'one_api');
        const before = new Set(list.map(({ name }) => name));
        const after = await eventually(
          () => swarm.tasks('shop', { service: 'one_api' }).catch(() => []),
          (now) => now.length === 2 && now.every(({ name }) => !before.has(name)),
          30_000,
        );
        for (const { address } of after) expect(list.map((task) => task.address)).not.toContain(address);
        await host(0).docker('stack', 'rm', 'one');
        await swarm.running('shop', 0, { service: 'one_api' });
      },
      E2E_TIMEOUT_MS,
    );

    test(
      'the leader loses power: others lose no packet and serve more; with its host its tasks come back, under policy',
      async () => {
        await swarm.scale(host(0), 'web', 3);
        const list = await running(3);
        const lost = (await swarm.leader(host(0))) ?? host(0);
        const [one, other] = swarm.others(lost);
        const at = (where: LabHost) => list.find((task) => task.host === where) as Task;
        const stranger = swarm.lab.outside;
        const counter = await (await swarm.container(at(one))).probe('echo', PORT);
        const stream = await (await swarm.container(at(other))).probe('send', at(one).address, PORT, '200');

        await swarm.lab.crash(lost);
        await swarm.scale(one, 'web', 6);
        // Its own is not replaced so soon.
        await running(5, [one, other]);
        expect((await swarm.leader(other))?.name).not.toBe(lost.name);
        const { sent } = await stream.report();
        const { missing } = await eventually(
          () => stream.report(),
          (now) => now.received + now.missingCount > sent + 20,
        );
        expect(missing).toEqual([]);
        await Promise.all([stream.stop(), counter.stop()]);

        await swarm.reboot(lost);
        let replicas = 6;
        const all = await eventually(
          async () => {
            replicas += 3;
            await swarm.scale(other, 'web', replicas);
            return running(replicas, undefined, 60_000);
          },
          (now) => now.some((task) => task.host === lost),
          60_000,
        );
        const [back] = all.filter((task) => task.host === lost) as [Task];
        expect(new Set(all.map(({ address }) => address)).size).toBe(all.length);
        const client = await swarm.container(all.find((task) => task.host === one) as Task);
        await eventually(() => client.reaches(back.address), Boolean);
        await stranger.addRoute(`${back.address}/32`, swarm.hosts.indexOf(lost));
        expect(await stranger.reaches(back.address)).toBe(false);
        await lost.cord('profile', 'shop', 'rule', 'add', 'inbound', 'allow', 'icmp');
        expect(await stranger.reaches(back.address)).toBe(true);
        expect(await swarm.addressFindings()).toEqual([]);
      },
      3 * E2E_TIMEOUT_MS,
    );

    test(
      'it is removed from the swarm and from every host when no service is on it, and its name is free again',
      async () => {
        const refused = await host(1).tryCord('network', 'remove', 'shop');
        expect(refused.stderr).toContain('is in use');
        await host(1).docker('service', 'rm', 'web');
        const succeeds = ({ exitCode }: { readonly exitCode: number }) => exitCode === 0;
        await eventually(() => host(1).tryCord('network', 'remove', 'shop'), succeeds, 20_000);
        const names = () => Promise.all(swarm.hosts.map((one) => one.docker('network', 'ls', '--format', '{{.Name}}')));
        await eventually(names, (lists) => lists.every((list) => !/^shop$/m.test(list)), 20_000);
        // An engine that lost power may keep what it was prepared with.
        const clean = (lists: readonly string[]) => lists.filter((list) => !list.includes('shop-config')).length >= 2;
        await eventually(names, clean, 20_000);
        await eventually(
          () => host(0).cord('network', 'list'),
          (text) => !text.includes('shop'),
          40_000,
        );
        const again = ['network', 'create', '--swarm', '--subnet', '10.77.0.0/24', 'shop'];
        // A manager that was off may need a while to hear of the leader.
        const { stdout } = await eventually(() => host(0).tryCord(...again), succeeds, 30_000);
        expect(stdout).toContain('created swarm network shop (10.77.0.0/24); 3 of 3 hosts are prepared');
        for (const one of swarm.hosts) {
          expect(JSON.parse(await one.cord('status', '-o', 'json'))).toMatchObject({ findings: [] });
        }
      },
      2 * E2E_TIMEOUT_MS,
    );
  },
  SWARM_TOOLS,
);

/** Blocks here are /26. */
function isIn(address: string, cidr: string): boolean {
  const number = (text: string) => text.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  const [base = '', length = '32'] = cidr.split('/');
  return (
    Math.floor(number(address) / 2 ** (32 - Number(length))) === Math.floor(number(base) / 2 ** (32 - Number(length)))
  );
}
