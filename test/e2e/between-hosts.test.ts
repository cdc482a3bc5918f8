import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parseNodeName } from '../../src/model/ids.js';
import { tunnelMacOf } from '../../src/model/tunnel.js';
import type { Container } from '../lab/container.js';
import { describeInLab } from '../lab/needs.js';
import { CLUSTER_TOOLS, useCorduroyCluster } from './corduroy-cluster.js';
import { type CorduroyLab, E2E_TIMEOUT_MS, eventually } from './corduroy-host.js';
import { Streams } from './streams.js';

/** Routes to other nodes on a host: `10.64.0.64/26 via 10.99.1.13 dev eth0`. */
const routesOf = async ({ host }: CorduroyLab): Promise<readonly string[]> =>
  (await host.run('ip', 'route', 'show', 'proto', '80'))
    .split('\n')
    .filter((line) => line.includes(' via '))
    .map((line) => line.replace(/ (src|proto|metric|onlink).*/, ''));

const findingsOf = async ({ host }: CorduroyLab): Promise<readonly string[]> =>
  (
    JSON.parse(await host.cord('status', '-o', 'json')) as { findings: { subject: string; message: string }[] }
  ).findings.map(({ subject, message }) => `${subject}: ${message}`);

/** Each host follows the records by itself. */
const reaches = (from: Container, address: string): Promise<boolean> =>
  eventually(
    () => from.reaches(address),
    (does) => does,
  );

const FORGE = fileURLToPath(new URL('../lab/forge-vxlan.js', import.meta.url));

describe.each(['direct', 'bgp'] as const)('hosts in two racks, route distribution %s', (distribution) =>
  describeInLab('and tunnels', () => {
    const flags = ['--route-distribution', distribution];
    const cluster = useCorduroyCluster({ hosts: 3, fabric: 'routed', arguments: flags });
    // What does not differ from one distribution to the other is looked at once.
    const once = distribution === 'direct';
    const node = (index: number) => cluster().node(index);
    const running = async (index: number): Promise<Container> => node(index).host.container(`c${index + 1}`);
    const encapsulate = async (...flags: readonly string[]): Promise<void> => {
      for (const pool of ['10.64.0.0/12', 'fd80:c0de::/48']) await node(0).host.cord('pool', 'set', pool, ...flags);
    };
    const linksOf = async ({ host }: CorduroyLab) => (await host.run('ip', '-o', 'link')).match(/vxlan6?\.cord/g) ?? [];

    beforeAll(async () => {
      const subnets = ['--ipv6', '--subnet', '10.70.0.0/24', '--subnet', 'fd80:c0de:0:70::/64'];
      for (const one of cluster().nodes) await one.network('shared', ...subnets);
      await cluster().network('shared-strangers', '10.70.1.0/24');
      for (const [index, one] of cluster().nodes.entries()) await one.start(`c${index + 1}`, 'shared');
    }, E2E_TIMEOUT_MS);

    if (once) {
      test('direct routes join the hosts of one rack; what a router stands before is told, with what to do', async () => {
        const [c1, c2, c3] = [await running(0), await running(1), await running(2)];
        await eventually(
          () => routesOf(node(0)),
          (routes) => routes.length === 1 && routes[0]?.endsWith('via 10.99.1.13 dev eth0') === true,
        );
        expect(await c1.reaches(await c3.address('shared'))).toBe(true);
        expect(await c1.reaches(await c3.address('shared', 6))).toBe(true);
        expect(await c3.reaches(await c1.address('shared'))).toBe(true);

        expect(await c1.reaches(await c2.address('shared'))).toBe(false);
        expect(await findingsOf(node(0))).toContainEqual(
          expect.stringMatching(/^h2: there is no route to 10\.70\.0\./),
        );
      });
    }

    test(
      'a pool is encapsulated, across subnets only, and not at all, while a TCP session goes on',
      async () => {
        const [c1, c2, c3] = [await running(0), await running(1), await running(2)];
        await c3.serve(9000);
        const session = await c1.probe('session', await c3.address('shared'), '9000', '50');
        const goesOn = async () => {
          const { received } = await session.report();
          await eventually(
            () => session.report(),
            (now) => now.received > received + 10,
          );
        };
        await goesOn();

        await encapsulate('--encap', 'vxlan');
        await eventually(
          () => routesOf(node(0)),
          (routes) => routes.length === 2 && routes.every((route) => route.endsWith('dev vxlan.cord')),
        );
        await goesOn();
        await reaches(c1, await c2.address('shared'));
        await reaches(c2, await c3.address('shared', 6));
        expect(await findingsOf(node(0))).toEqual([]);

        await encapsulate('--cross-subnet');
        await eventually(
          () => routesOf(node(0)),
          (routes) => routes.filter((route) => route.endsWith('via 10.99.1.13 dev eth0')).length === 1,
        );
        await goesOn();
        await reaches(c1, await c2.address('shared', 6));

        await encapsulate('--encap', 'none');
        await eventually(
          () => linksOf(node(2)),
          (links) => links.length === 0,
        );
        await goesOn();
        const { sent, received, missing } = await session.stop();
        expect(missing).toEqual([]);
        expect(received).toBeGreaterThan(sent - 50);
      },
      E2E_TIMEOUT_MS,
    );

    if (once) {
      test(
        'a host itself reaches containers of others through tunnels, always or across subnets only, if their profile lets it',
        async () => {
          const [{ host }, c2, c3] = [node(0), await running(1), await running(2)];
          const [two, two6, three] = [
            await c2.address('shared'),
            await c2.address('shared', 6),
            await c3.address('shared'),
          ];
          await c2.serve(9100);
          const pings = async (address: string) =>
            (await host.try(['busybox', 'ping', '-c', '1', '-W', '1', address])).exitCode === 0;
          const seen = async (address: string) =>
            (await host.try(['busybox', 'nc', '-w', '1', address, '9100'])).stdout.trim();
          const until = (address: string, wanted: boolean) =>
            eventually(
              () => pings(address),
              (does) => does === wanted,
            );
          const ownAddresses = async () =>
            JSON.parse(await host.cord('node', 'show', 'h1', '-o', 'json')) as Record<'tunnelIp' | 'tunnelIp6', string>;
          const rule = (deed: string, address: string) =>
            host.cord('profile', 'shared', 'rule', deed, 'inbound', 'allow', 'from', address);

          await encapsulate('--encap', 'vxlan');
          const { tunnelIp, tunnelIp6 } = await eventually(
            () => ownAddresses(),
            (now) => now.tunnelIp !== null && now.tunnelIp6 !== null,
          );
          await reaches(c2, tunnelIp);
          expect(await Promise.all([pings(two), seen(two)])).toEqual([false, '']);
          await rule('add', `${tunnelIp}/32`);
          await rule('add', `${tunnelIp6}/128`);
          await Promise.all([two, two6, three].map((address) => until(address, true)));
          expect(await Promise.all([seen(two), seen(two6)])).toEqual([tunnelIp, tunnelIp6]);

          await encapsulate('--cross-subnet');
          await eventually(
            () => host.run('ip', 'route', 'get', three),
            (route) => route.includes('dev eth0 src 10.99.1.11'),
          );
          expect(await Promise.all([seen(two), pings(two6), pings(three)])).toEqual([tunnelIp, true, false]);
          await rule('add', '10.99.1.11/32');
          await until(three, true);
          await rule('remove', `${tunnelIp}/32`);
          await until(two, false);
          expect(await host.cord('ipam', 'check')).toContain(' 0 findings');

          await encapsulate('--encap', 'none');
          await eventually(
            () => ownAddresses(),
            (now) => now.tunnelIp === null && now.tunnelIp6 === null,
          );
          await rule('remove', `${tunnelIp6}/128`);
          await rule('remove', '10.99.1.11/32');
        },
        E2E_TIMEOUT_MS,
      );

      test(
        'through tunnels denied stays denied; VXLAN from a container, or from no node, arrives nowhere',
        async () => {
          await encapsulate('--encap', 'vxlan', '--cross-subnet');
          const streams = await Streams.between(node(0), node(1), 'shared');
          await streams.friendIsHeard();
          await streams.sendMore(50);
          expect(await streams.intruders()).toEqual({});

          const stranger = await node(1).host.container('shared-friend');
          expect(await stranger.run('ip', 'link', 'show', 'eth0')).toContain(' mtu 1450 ');
          await node(0).host.cord(
            'profile',
            'shared',
            'rule',
            'add',
            'inbound',
            'allow',
            'udp',
            'from',
            '10.70.0.240/28',
          );
          const forged = (index: number): readonly string[] => {
            const [host, mac] = [cluster().lab.addressOf(node(0).host), tunnelMacOf(parseNodeName('h1'))];
            return [process.execPath, FORGE, host, mac, `10.70.0.${250 + index}`, streams.address, '7700', '20'];
          };
          await cluster().lab.outside.run(...forged(0));
          await stranger.run(...forged(1));
          // The same from a node arrives: it is not the packets that were wrong.
          await node(1).host.run(...forged(2));
          await eventually(
            () => streams.intruders(),
            (heard) => heard['10.70.0.252'] === 20,
          );
          expect(Object.keys(await streams.intruders())).toEqual(['10.70.0.252']);
          await streams.end();
        },
        E2E_TIMEOUT_MS,
      );

      test(
        'a host that is cut off and healed, and one with another address, are reached again, in a tunnel and without',
        async () => {
          const { lab } = cluster();
          const [c1, c2, c3] = [await running(0), await running(1), await running(2)];
          const [address1, address2, address3] = [
            await c1.address('shared'),
            await c2.address('shared'),
            await c3.address('shared'),
          ];
          await reaches(c1, address2);
          await reaches(c1, address3);
          await lab.cut(node(1).host);
          expect(await c1.reaches(address2)).toBe(false);
          expect(await c1.reaches(address3)).toBe(true);
          await lab.heal(node(1).host);
          await reaches(c1, address2);

          for (const [index, address] of [
            [1, '10.99.2.112'],
            [2, '10.99.1.113'],
          ] as const) {
            await lab.changeAddress(node(index).host, address);
            await node(index).host.stopCorduroy();
            await cluster().startDaemon(node(index));
          }
          await reaches(c1, address2);
          await reaches(c1, address3);
          await reaches(c2, address1);
          await reaches(c3, address2);
          expect(await routesOf(node(0))).toContainEqual(expect.stringContaining('via 10.99.1.113 dev eth0'));
        },
        E2E_TIMEOUT_MS,
      );
    }
  }, [...CLUSTER_TOOLS, 'bird']),
);
