import { beforeAll, expect, test } from '@jest/globals';
import type { Container } from '../lab/container.js';
import { describeInLab } from '../lab/needs.js';
import { CLUSTER_TOOLS, useCorduroyCluster } from './corduroy-cluster.js';
import { E2E_TIMEOUT_MS, eventually } from './corduroy-host.js';

const BYTES = 3_000_000;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const RECEIVER = `let count = 0;
const told = () => { console.log(count); process.exit(); };
setTimeout(told, 8000);
require('net').createServer((socket) => socket.on('data', ({ length }) => { count += length; }).on('end', told)).listen(9001, '::');`;
const SENDER = `setTimeout(() => process.exit(), 8000).unref();
require('net').connect(9001, process.argv[1]).on('error', () => {}).end(Buffer.alloc(${BYTES}));`;

/** How many of `BYTES` that one container sends to another by TCP, in packets as large as they get, arrive in 8 s. */
async function transfer(from: Container, to: Container, address: string): Promise<number> {
  const received = to.run(process.execPath, '-e', RECEIVER);
  await pause(500);
  await from.run(process.execPath, '-e', SENDER, address);
  return Number(await received);
}

describeInLab('hosts that reach one another by IPv6 alone', () => {
  const cluster = useCorduroyCluster({
    detectAddress: true,
    arguments: ['--node-ip-detect', 'cidr=fd99::/64'],
  });
  const node = (index: number) => cluster().node(index);
  let a: Container;
  let b: Container;
  const routes = (index: number, family: 4 | 6) =>
    node(index).host.run('ip', `-${family}`, 'route', 'show', 'table', 'main');
  const reach = async (family: 4 | 6, wanted: boolean) => {
    const address = await b.address('six', family);
    await eventually(
      () => a.reaches(address),
      (does) => does === wanted,
    );
  };

  beforeAll(async () => {
    const subnets = ['--ipv6', '--subnet', '10.70.0.0/24', '--subnet', 'fd80:c0de:0:70::/64'];
    for (const one of cluster().nodes) await one.network('six', ...subnets);
    [a, b] = [await node(0).start('a1', 'six'), await node(1).start('b1', 'six')];
  }, E2E_TIMEOUT_MS);

  test(
    'by BGP, containers reach one another by IPv6; their IPv4 has no way',
    async () => {
      await eventually(
        () => node(0).host.cord('bgp', 'status'),
        (table) => /^h2 +fd99::12 +64512 +mesh +established/m.test(table) && !table.includes('10.99.'),
        20_000,
      );
      await reach(6, true);
      expect(await routes(0, 6)).toMatch(/^fd80:c0de:0:70:\S+\/122 via fd99::12 .*proto bird/m);
      expect(await routes(0, 4)).not.toMatch(/^10\.70\.\S+ via/m);
      await reach(4, false);
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'by direct routes the same, and what has no way is told with what to do',
    async () => {
      for (const one of cluster().nodes) {
        await one.host.stopCorduroy();
        await cluster().startDaemon(one, '--route-distribution', 'direct');
      }
      await reach(6, true);
      expect(await routes(0, 6)).toMatch(/^fd80:c0de:0:70:\S+\/122 via fd99::12 .*proto 80/m);
      const { findings } = JSON.parse(await node(0).host.cord('status', '-o', 'json')) as {
        readonly findings: readonly { readonly message: string }[];
      };
      expect(findings.map(({ message }) => message).join('\n')).toMatch(/IPv4 address/);
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'in VXLAN both families arrive, also in packets of containers that began with a larger MTU',
    async () => {
      for (const pool of ['10.64.0.0/12', 'fd80:c0de::/48']) {
        await node(0).host.cord('pool', 'set', pool, '--encap', 'vxlan');
      }
      await eventually(
        () => routes(0, 4),
        (text) => /^10\.70\.\S+ via inet6 fe80::\S+ dev vxlan6\.cord/m.test(text),
      );
      await reach(4, true);
      await reach(6, true);
      expect(await a.run('ip', 'link', 'show', 'eth0')).toContain(' mtu 1500 ');
      expect(await node(0).host.run('ip', 'link', 'show', 'vxlan6.cord')).toContain(' mtu 1430 ');
      for (const family of [4, 6] as const) {
        expect([family, await transfer(a, b, await b.address('six', family))]).toEqual([family, BYTES]);
      }
      for (const protocol of ['icmp', 'icmpv6']) {
        await node(1).host.cord('profile', 'six', 'rule', 'add', 'inbound', 'allow', protocol);
      }
      for (const family of [4, 6] as const) {
        const ping = ['busybox', 'ping', '-c', '1', '-W', '1', await b.address('six', family)];
        await eventually(
          () => node(0).host.try(ping),
          ({ exitCode }) => exitCode === 0,
        );
      }
    },
    E2E_TIMEOUT_MS,
  );
}, [...CLUSTER_TOOLS, 'bird']);
