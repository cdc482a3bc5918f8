import { expect, test } from '@jest/globals';
import type { LabHost } from '../lab/host.js';
import { describeInLab } from '../lab/needs.js';
import { CLUSTER_TOOLS, useCorduroyCluster } from './corduroy-cluster.js';
import { E2E_TIMEOUT_MS, eventually } from './corduroy-host.js';

const CREATE = ['network', 'create', '-d', 'corduroy', '--ipam-driver', 'corduroy'];

/** All that Docker tells of a network, but for what is each host's own. */
async function inspected(host: LabHost, name: string): Promise<unknown> {
  const { exitCode, stdout } = await host.tryDocker('network', 'inspect', name);
  if (exitCode !== 0) return undefined;
  const [{ Id, Created, Containers, ...same }] = JSON.parse(stdout);
  return same;
}

const findings = async (host: LabHost): Promise<readonly string[]> =>
  JSON.parse(await host.cord('status', '-o', 'json')).findings.map(({ message }: { message: string }) => message);

describeInLab(
  'networks of three hosts',
  () => {
    const cluster = useCorduroyCluster({ hosts: 3, networkSync: true });
    const host = (index: number): LabHost => cluster().node(index).host;
    const hosts = (): readonly LabHost[] => cluster().lab.hosts;
    /** Which hosts' Docker has a network of that name. */
    const having = async (name: string): Promise<readonly string[]> => {
      const there = await Promise.all(hosts().map((one) => inspected(one, name)));
      return hosts().flatMap((one, index) => (there[index] === undefined ? [] : [one.name]));
    };
    const isEverywhere = (name: string) =>
      eventually(
        () => having(name),
        (names) => names.length === 3,
      );
    const isGone = (name: string) =>
      eventually(
        () => having(name),
        (names) => names.length === 0,
      );

    test(
      'one that Docker was told everything about is everywhere the same, and goes from everywhere',
      async () => {
        const subnets = ['--subnet', '10.70.0.0/24', '--gateway', '10.70.0.254', '--ip-range', '10.70.0.128/25'];
        const more = [
          '--aux-address',
          'nas=10.70.0.9',
          '--ipv6',
          '--subnet',
          'fd70::/64',
          '--internal',
          '--attachable',
        ];
        const texts = ['--label', 'team=blue', '-o', 'mtu=1400', '-o', 'publish=policy'];
        await host(0).docker(...CREATE, ...subnets, ...more, ...texts, 'full');
        await isEverywhere('full');
        const first = await inspected(host(0), 'full');
        expect(first).toMatchObject({ Internal: true, Attachable: true, EnableIPv6: true, Labels: { team: 'blue' } });
        expect(await Promise.all(hosts().map((one) => inspected(one, 'full')))).toEqual([first, first, first]);
        expect(JSON.parse(await host(1).cord('network', 'show', 'full', '-o', 'json'))).toMatchObject({
          nodes: ['h1', 'h2', 'h3'],
          mtu: 1400,
        });

        await host(2).docker('network', 'rm', 'full');
        await isGone('full');
        const left = async () =>
          [...(await cluster().etcd.records()).keys()].filter((key) => /full|10\.70\.0|fd70/.test(key));
        await eventually(left, (keys) => keys.every((key) => key.includes('/pool/')));
      },
      E2E_TIMEOUT_MS,
    );

    test(
      'one that our command makes has addresses of one subnet on all hosts',
      async () => {
        expect(await host(1).cord('network', 'create', 'plain')).toMatch(
          /^created network plain \(10\..*\) on 3 hosts/,
        );
        const addresses = await Promise.all(
          cluster().nodes.map(async (node, index) => {
            const container = await node.start(`plain-${index}`, 'plain');
            return container.address('plain');
          }),
        );
        expect(new Set(addresses).size).toBe(3);
        expect(new Set(addresses.map((address) => address.split('.').slice(0, 3).join('.'))).size).toBe(1);
        const { stderr } = await host(0).tryCord('network', 'remove', 'plain');
        expect(stderr).toMatch(/network plain was not removed: it is in use by plain-0 on h1, plain-1 on h2/);

        await host(0).docker('rm', '-f', 'plain-0');
        await host(0).docker('network', 'rm', 'plain');
        const [told] = await eventually(
          () => findings(host(2)),
          (messages) => messages.length > 0,
        );
        expect(told).toMatch(/network plain was removed on h1, and goes .* remove plain-2 \(running\)/);
        expect(await having('plain')).toEqual(['h2', 'h3']);
        await host(1).docker('rm', '-f', 'plain-1');
        await host(2).docker('rm', '-f', 'plain-2');
        await isGone('plain');
        await eventually(
          () => findings(host(2)),
          (messages) => messages.length === 0,
        );
      },
      E2E_TIMEOUT_MS,
    );

    test(
      'what stands in its way on a host is told there, touched by nobody, and tried again',
      async () => {
        await host(2).docker('network', 'create', 'mixed');
        await host(1).run('ip', 'route', 'add', '10.71.0.0/25', 'dev', 'lo');
        await host(0).docker(...CREATE, '--subnet', '10.71.0.0/24', 'mixed');
        const [foreign] = await eventually(
          () => findings(host(2)),
          (messages) => messages.length > 0,
        );
        expect(foreign).toMatch(/network mixed \(10.71.0.0\/24\).* of driver bridge; remove that one/);
        const [route] = await eventually(
          () => findings(host(1)),
          (messages) => messages.length > 0,
        );
        expect(route).toMatch(/overlaps this host's route to 10.71.0.0\/25/);
        expect(await having('mixed')).toEqual(['h1', 'h3']);
        expect(await inspected(host(2), 'mixed')).toMatchObject({ Driver: 'bridge' });

        await host(2).docker('network', 'rm', 'mixed');
        await host(1).run('ip', 'route', 'del', '10.71.0.0/25', 'dev', 'lo');
        await eventually(
          () => having('mixed'),
          (names) => names.length === 3,
          15_000,
        );
        await host(1).docker('network', 'rm', 'mixed');
        await isGone('mixed');
      },
      E2E_TIMEOUT_MS,
    );

    test(
      'of two of one name that are made at once, one wins, and the other is told',
      async () => {
        await Promise.all([
          host(0).docker(...CREATE, '--subnet', '10.72.0.0/24', 'race'),
          host(1).docker(...CREATE, '--subnet', '10.73.0.0/24', 'race'),
        ]);
        await isEverywhere('race');
        const told = await eventually(
          async () => [await findings(host(0)), await findings(host(1))],
          ([one, other]) => (one?.length ?? 0) + (other?.length ?? 0) > 0,
        );
        const loser = (told[0] ?? []).length > 0 ? 0 : 1;
        expect(told[loser]?.[0]).toMatch(
          /network race is there already, with subnets 10.7[23].0.0\/24 where this one has/,
        );
        expect(told[1 - loser]).toEqual([]);

        await host(loser).docker('network', 'rm', 'race');
        const winner = await inspected(host(1 - loser), 'race');
        await eventually(
          () => inspected(host(loser), 'race'),
          (network) => JSON.stringify(network) === JSON.stringify(winner),
          15_000,
        );
        await host(2).cord('network', 'remove', 'race');
        await isGone('race');
      },
      E2E_TIMEOUT_MS,
    );

    test(
      'hosts whose daemon or engine was off catch up',
      async () => {
        await host(0).docker(...CREATE, 'old');
        await isEverywhere('old');
        await host(1).stopCorduroy();
        await host(2).stopDockerd();
        await host(0).docker('network', 'rm', 'old');
        await host(0).docker(...CREATE, '--subnet', '10.74.0.0/24', 'new');
        await cluster().startDaemon(cluster().node(1));
        await host(2).startDockerd();
        await isEverywhere('new');
        await isGone('old');
        await host(1).docker('network', 'rm', 'new');
        await isGone('new');
      },
      E2E_TIMEOUT_MS,
    );

    test(
      'a prune on one host takes none away that another host uses',
      async () => {
        await host(0).docker(...CREATE, 'used');
        await host(0).docker(...CREATE, 'unused');
        await Promise.all([isEverywhere('used'), isEverywhere('unused')]);
        await cluster().node(2).start('user', 'used');
        await host(0).docker('network', 'prune', '-f');
        await isGone('unused');
        await isEverywhere('used');
        expect(await having('used')).toEqual(['h1', 'h2', 'h3']);
        await host(2).docker('rm', '-f', 'user');
        await host(0).cord('network', 'remove', 'used');
        await isGone('used');
      },
      E2E_TIMEOUT_MS,
    );
  },
  CLUSTER_TOOLS,
);
