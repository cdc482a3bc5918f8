import { expect, test } from '@jest/globals';
import { describeInLab } from '../lab/needs.js';
import { CLUSTER_TOOLS, useCorduroyCluster } from './corduroy-cluster.js';
import { type CorduroyLab, E2E_TIMEOUT_MS, eventually } from './corduroy-host.js';
import { TopOfRack } from './top-of-rack.js';

interface Session {
  readonly peer: string;
  readonly type: string;
  readonly state: string;
}

const sessionsOf = async ({ host }: CorduroyLab): Promise<readonly Session[]> =>
  (JSON.parse(await host.cord('bgp', 'status', '-o', 'json')) as { sessions: Session[] }).sessions;

/** Every session of the node, once it has so many and all are established: `mesh h2`, sorted. */
const established = async (node: CorduroyLab, count: number): Promise<readonly string[]> => {
  const sessions = await eventually(
    () => sessionsOf(node),
    (all) => all.length === count && all.every(({ state }) => state === 'established'),
    20_000,
  );
  return sessions.map(({ type, peer }) => `${type} ${peer}`).sort();
};

const pidOfBird = async ({ host }: CorduroyLab): Promise<string> =>
  (await host.run('cat', '/var/lib/corduroy/bird/bird.pid')).trim();
const killBird = async (node: CorduroyLab): Promise<unknown> => node.host.run('kill', '-KILL', await pidOfBird(node));
const rest = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Numbered packets from a container to one on another host and back, 200 a second, until its end: what was lost. */
async function stream(from: CorduroyLab, client: string, to: CorduroyLab, server: string, network: string) {
  const [a, b] = [await from.host.container(client), await to.host.container(server)];
  const echo = await b.probe('echo', '7100');
  const sender = await a.probe('send', await b.address(network), '7100', '200');
  await eventually(sender.report, ({ received }) => received > 20);
  return {
    lost: async (): Promise<readonly number[]> => {
      const { sent } = await sender.report();
      await eventually(sender.report, ({ received, missingCount }) => received + missingCount > sent);
      return (await sender.report()).missing;
    },
    end: () => Promise.all([sender.stop(), echo.stop()]),
  };
}

describeInLab('hosts that speak BGP', () => {
  const cluster = useCorduroyCluster({ hosts: 3 });
  const nodes = () => [cluster().node(0), cluster().node(1), cluster().node(2)] as const;

  test(
    'in a mesh, containers of every host reach one another, by IPv4 and IPv6',
    async () => {
      const [one, two, three] = nodes();
      expect(await established(one, 4)).toEqual(['mesh h2', 'mesh h2', 'mesh h3', 'mesh h3']);
      const subnets = ['--ipv6', '--subnet', '10.70.0.0/24', '--subnet', 'fd80:c0de:70::/64'];
      for (const node of nodes()) await node.network('mesh', ...subnets);
      const [a, b, c] = [await one.start('m1', 'mesh'), await two.start('m2', 'mesh'), await three.start('m3', 'mesh')];
      for (const [from, to] of [
        [a, b],
        [b, c],
        [c, a],
      ] as const) {
        await eventually(async () => from.reaches(await to.address('mesh')), Boolean);
        await eventually(async () => from.reaches(await to.address('mesh', 6)), Boolean);
      }
      expect(await one.host.run('ip', 'route')).toMatch(
        /^10\.70\.0\.\d+\/26 via 10\.99\.0\.12 .*proto bird metric 2080/m,
      );
      expect(await one.host.cord('status')).toMatch(/^BGP: +4 of 4 sessions established$/m);
      expect(await one.host.cord('bgp', 'status')).toMatch(/^h2 +10\.99\.0\.12 +64512 +mesh +established/m);
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'no packet is lost when BIRD, the daemon or both are killed or restarted, at either end',
    async () => {
      const [one, two] = nodes();
      const packets = await stream(one, 'm1', two, 'm2', 'mesh');
      const losses: Record<string, number> = {};
      const during = async (what: string, work: () => Promise<unknown>): Promise<void> => {
        const before = (await packets.lost()).length;
        await work();
        losses[what] = (await packets.lost()).length - before;
      };
      const restarted = async (node: CorduroyLab) => {
        await cluster().startDaemon(node);
        await established(node, 4);
      };
      const [pid, other] = [await pidOfBird(one), await pidOfBird(two)];
      await during('BIRD killed', async () => {
        await killBird(one);
        await eventually(
          () => pidOfBird(one),
          (now) => now !== pid,
        );
        await established(one, 4);
      });
      await during('BIRD of the other host killed', async () => {
        await killBird(two);
        await eventually(
          () => pidOfBird(two),
          (now) => now !== other,
        );
        await established(two, 4);
      });
      const adopted = await pidOfBird(one);
      await during('daemon killed', async () => {
        await one.host.stopCorduroy('SIGKILL');
        await rest(500);
        await restarted(one);
      });
      await during('daemon stopped and started', async () => {
        await one.host.stopCorduroy();
        await rest(500);
        await restarted(one);
      });
      expect(await pidOfBird(one)).toBe(adopted);
      await during('both killed', async () => {
        await one.host.stopCorduroy('SIGKILL');
        await killBird(one);
        await rest(1_000);
        await restarted(one);
      });
      await packets.end();
      process.stderr.write(`packets lost: ${JSON.stringify(losses)}\n`);
      expect(new Set(Object.values(losses))).toEqual(new Set([0]));
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'the switch of the rack learns the blocks, and a machine behind it reaches containers by their own addresses',
    async () => {
      const [one, two, three] = nodes();
      const session = (n: number) => `protocol bgp h${n} { local as 4200000001; neighbor 10.99.0.1${n} as 64512;
          password "open sesame"; connect delay time 1; connect retry time 1; error wait time 1, 2;
          ipv4 { import all; export none; }; }`;
      const tor = await TopOfRack.start(cluster().lab.outside, [1, 2, 3].map(session).join('\n'));
      const server = await three.host.container('m3');
      const address = await server.address('mesh');
      await server.serve(8080);
      await one.host.cord(
        'profile',
        'mesh',
        'rule',
        'add',
        'inbound',
        'allow',
        'tcp',
        'from',
        'cidr',
        TopOfRack.behind,
      );

      await one.host.run('sh', '-c', 'echo "close sesame" >/run/lab/password');
      const peer = ['bgp', 'peer', 'add', '10.99.0.1', 'as', '64086.59905'];
      await one.host.cord(...peer, '--password-file', '/run/lab/password');
      await rest(2_000);
      expect(await tor.routes()).toEqual([]);
      expect((await sessionsOf(one)).filter(({ type }) => type === 'global')).toMatchObject([{ peer: '10.99.0.1' }]);
      expect((await sessionsOf(one)).find(({ type }) => type === 'global')?.state).not.toBe('established');

      await one.host.cord('bgp', 'peer', 'remove', '10.99.0.1');
      await one.host.run('sh', '-c', 'echo "open sesame" >/run/lab/password');
      await one.host.cord(...peer, '--password-file', '/run/lab/password');
      for (const node of [one, two, three]) expect(await established(node, 5)).toContain('global 10.99.0.1');
      const routes = await eventually(tor.routes.bind(tor), (found) => found.length >= 3);
      // Each block by the host that has it, and nothing else.
      expect(routes.map((route) => route.replace(/^10\.70\.0\.\d+/, 'block')).sort()).toEqual([
        'block/26 via 10.99.0.11',
        'block/26 via 10.99.0.12',
        'block/26 via 10.99.0.13',
      ]);
      const seen = await tor.fromBehind('busybox', 'nc', '-w', '2', address, '8080');
      expect(seen.stdout.trim()).toBe(TopOfRack.behind);
      const text = (await Promise.all([one, two, three].map(({ host }) => host.corduroyLog(5_000)))).join('');
      expect(text).not.toContain('sesame');

      await one.host.cord('bgp', 'peer', 'remove', '10.99.0.1');
      await eventually(tor.routes.bind(tor), (found) => found.length === 0);
      await tor.end();
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'two route reflectors take the mesh over, and one of their hosts dies: nothing is lost between the others',
    async () => {
      const [one, two, three] = nodes();
      const packets = await stream(three, 'm3', two, 'm2', 'mesh');
      for (const name of ['h1', 'h2']) {
        await one.host.cord('node', 'set', name, '--route-reflector-cluster-id', '244.0.0.1');
      }
      await one.host.cord('bgp', 'mesh', 'off');
      const sessions = ['reflector h1', 'reflector h1', 'reflector h2', 'reflector h2'];
      expect(await established(three, 4)).toEqual(sessions);
      expect(await packets.lost()).toEqual([]);

      await cluster().lab.crash(one.host);
      // A block that is claimed now is known by the other one.
      await three.network('late', '--subnet', '10.71.0.0/24');
      await two.network('late', '--subnet', '10.71.0.0/24');
      const late = await three.start('late3', 'late');
      const friend = await two.start('late2', 'late');
      await eventually(async () => friend.reaches(await late.address('late')), Boolean);
      expect(await packets.lost()).toEqual([]);
      await packets.end();
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'after uninstalling, neither BIRD nor its routes are left, and the others have forgotten the host',
    async () => {
      const [, two, three] = nodes();
      const pid = await pidOfBird(three);
      await three.host.stopCorduroy();
      expect(await three.host.run('ip', 'route', 'show', 'proto', 'bird')).not.toBe('');
      await three.host.cord('uninstall', '--force');
      expect(await three.host.run('ip', 'route', 'show', 'proto', 'bird')).toBe('');
      expect(await three.host.run('ip', '-6', 'route', 'show', 'proto', 'bird')).toBe('');
      expect((await three.host.try(['cat', `/proc/${pid}/cmdline`])).stdout).toBe('');
      // Not even what the dead reflector had passed on is left.
      await eventually(
        () => two.host.run('ip', 'route', 'show', 'proto', 'bird'),
        (routes) => !routes.includes('10.99.0.13'),
      );
    },
    E2E_TIMEOUT_MS,
  );
}, [...CLUSTER_TOOLS, 'bird', 'birdc']);
