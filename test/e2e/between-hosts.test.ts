import { expect, test } from '@jest/globals';
import { describeInLab } from '../lab/needs.js';
import { CLUSTER_TOOLS, useCorduroyCluster } from './corduroy-cluster.js';
import { type CorduroyLab, E2E_TIMEOUT_MS, eventually } from './corduroy-host.js';

/** Routes to other nodes on a host: `10.64.0.64/26 via 10.99.1.13 dev eth0`. */
const routesOf = async ({ host }: CorduroyLab): Promise<readonly string[]> =>
  (await host.run('ip', 'route', 'show', 'proto', '80'))
    .split('\n')
    .filter((line) => line.includes(' via '))
    .map((line) => line.replace(/ (proto|metric|onlink).*/, ''));

const findingsOf = async ({ host }: CorduroyLab): Promise<readonly string[]> =>
  (
    JSON.parse(await host.cord('status', '-o', 'json')) as { findings: { subject: string; message: string }[] }
  ).findings.map(({ subject, message }) => `${subject}: ${message}`);

describeInLab(
  'hosts in two racks, without a routing daemon',
  () => {
    const cluster = useCorduroyCluster({ hosts: 3, fabric: 'routed', arguments: ['--route-distribution', 'direct'] });

    test(
      'direct routes join the hosts of one rack; what a router stands before is told, with what to do',
      async () => {
        const [one, two, three] = [cluster().node(0), cluster().node(1), cluster().node(2)];
        const subnets = ['--ipv6', '--subnet', '10.70.0.0/24', '--subnet', 'fd80:c0de:70::/64'];
        for (const node of [one, two, three]) await node.network('shared', ...subnets);
        const [a, b, c] = [
          await one.start('c1', 'shared'),
          await two.start('c2', 'shared'),
          await three.start('c3', 'shared'),
        ];
        const [addressB, addressC] = [await b.address('shared'), await c.address('shared')];
        await eventually(
          () => routesOf(one),
          (routes) => routes.length === 1 && routes[0]?.endsWith('via 10.99.1.13 dev eth0') === true,
        );
        expect(await a.reaches(addressC)).toBe(true);
        expect(await a.reaches(await c.address('shared', 6))).toBe(true);
        expect(await c.reaches(await a.address('shared'))).toBe(true);

        expect(await a.reaches(addressB)).toBe(false);
        expect(await findingsOf(one)).toEqual([expect.stringMatching(/^h2: there is no route to 10\.70\.0\.\d+\/26/)]);
      },
      E2E_TIMEOUT_MS,
    );
  },
  CLUSTER_TOOLS,
);
