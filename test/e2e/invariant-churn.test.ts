import { expect, test } from '@jest/globals';
import { describeInLab } from '../lab/needs.js';
import { type CorduroyLab, eventually, useCorduroy } from './corduroy-host.js';
import { Streams } from './streams.js';
import { tracesOf, wholeKernel } from './whole-kernel.js';

const STORM_MS = 60_000;
const NAMES = 50;
/** Deeds under way at one time. */
const HANDS = 6;
/** Longest time until the reconciler has freed what a kill cut off: an endpoint is left alone for a minute. */
const SETTLE_MS = 150_000;
const NETWORKS = ['storm-one', 'storm-two'] as const;

/** The same numbers from 0 up to 1 in each run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

/** Addresses that Docker says its containers have, twice if two have one. */
async function addressesInUse(lab: CorduroyLab): Promise<readonly string[]> {
  const format = '{{range .Containers}}{{.IPv4Address}} {{.IPv6Address}} {{end}}';
  const texts = await Promise.all(NETWORKS.map((name) => lab.host.docker('network', 'inspect', '-f', format, name)));
  return texts.flatMap((text) => text.split(' ').filter((address) => address !== ''));
}

const duplicates = (values: readonly string[]): readonly string[] =>
  values.filter((value, i) => values.indexOf(value) !== i);

describeInLab('containers that come and go while the daemon is killed', () => {
  const corduroy = useCorduroy();

  test(
    'after a minute of it nothing is left: no link, route, rule, set, connection, address, or host port',
    async () => {
      const lab = corduroy();
      const { host } = lab;
      const clean = await wholeKernel(host);
      const streams = await Streams.start(lab, 'bystander');
      await lab.network('storm-one', '--subnet', '10.78.0.0/25', '--ipv6');
      await lab.network('storm-two');
      const random = numbers(7);
      const busy = new Set<number>();
      const until = Date.now() + STORM_MS;
      const tally = { started: 0, refused: 0, removed: 0, killed: 0, duplicates: [] as string[] };

      const oneDeed = async (): Promise<void> => {
        const n = Math.floor(random() * NAMES);
        if (busy.has(n)) return;
        busy.add(n);
        const name = `storm-${n}`;
        const network = NETWORKS[n % 2] ?? '';
        const publish = n % 5 === 0 ? ['-p', `${18_000 + n}:80`] : [];
        if (random() < 0.55) {
          const words = ['run', '-d', '--name', name, '--net', network, ...publish, 'lab:1'];
          const { exitCode } = await host.tryDocker(...words);
          if (exitCode === 0) tally.started++;
          else tally.refused++;
        } else {
          const deed = random() < 0.3 ? ['kill', name] : ['rm', '-f', name];
          if ((await host.tryDocker(...deed)).exitCode === 0) tally.removed++;
        }
        busy.delete(n);
      };
      const hand = async (): Promise<void> => {
        while (Date.now() < until) await oneDeed();
      };
      const killer = async (): Promise<void> => {
        while (Date.now() < until) {
          await new Promise((resolve) => setTimeout(resolve, 2_000 + random() * 4_000));
          await host.stopCorduroy('SIGKILL');
          tally.killed++;
          await new Promise((resolve) => setTimeout(resolve, random() * 1_500));
          await host.startCorduroy();
        }
      };
      const watcher = async (): Promise<void> => {
        while (Date.now() < until) {
          tally.duplicates.push(...duplicates(await addressesInUse(lab)));
          await new Promise((resolve) => setTimeout(resolve, 1_000));
        }
      };
      await Promise.all([killer(), watcher(), ...Array.from({ length: HANDS }, hand)]);
      process.stderr.write(`storm: ${JSON.stringify(tally)}\n`);
      expect(tally.duplicates).toEqual([]);
      expect(tally.started).toBeGreaterThan(NAMES / 2);
      expect(tally.killed).toBeGreaterThan(5);

      // Those that run now are connected as if nothing had been; the bystanders never noticed.
      await expectAllReachable(lab);
      expect(await streams.intruders()).toEqual({});
      expect(await streams.lost()).toEqual({ missing: [], tail: 0 });
      await streams.end();

      const left = (await host.docker('ps', '-aq', '--filter', 'name=storm-')).split('\n').filter((id) => id !== '');
      if (left.length > 0) await lab.remove(...left);
      await eventually(
        async () => JSON.parse(await host.cord('endpoint', 'list', '-o', 'json')) as unknown[],
        (endpoints) => endpoints.length === 0,
        SETTLE_MS,
      );
      expect(JSON.parse(await host.cord('ipam', 'check', '-o', 'json'))).toMatchObject({ findings: [] });
      await lab.removeNetworks(...NETWORKS);
      await eventually(
        async () => difference(await wholeKernel(host), clean),
        (lines) => lines.length === 0,
        SETTLE_MS,
      );
      const containers = /10[.](6[4-9]|7[0-9])[.]|169[.]254[.]|fd80:/;
      expect(await tracesOf(host, containers).then((lines) => lines.filter((line) => !clean.includes(line)))).toEqual(
        [],
      );
      expect(JSON.parse(await host.cord('ipam', 'check', '-o', 'json'))).toMatchObject({ findings: [] });
      const pools = JSON.parse(await host.cord('ipam', 'show', '--utilisation', '-o', 'json')) as {
        usage: { assigned: string };
      }[];
      expect(pools.map(({ usage }) => usage.assigned)).toEqual(pools.map(() => '0'));
      expect(await host.run('sh', '-c', "ss -Hlntu | grep -c ':180[0-4][0-9] ' || true")).toBe('0');
      expect(JSON.parse(await host.cord('status', '-o', 'json'))).toMatchObject({
        ready: true,
        problems: [],
        kernel: { synced: true },
      });
    },
    STORM_MS + 2 * SETTLE_MS,
  );
});

const difference = (after: readonly string[], before: readonly string[]): readonly string[] => [
  ...after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
  ...before.filter((line) => !after.includes(line)).map((line) => `- ${line}`),
];

/** Every running container of the storm answers the host by its addresses as Docker tells them. */
async function expectAllReachable(lab: CorduroyLab): Promise<void> {
  const format = '{{range .Containers}}{{.Name}} {{.IPv4Address}}\n{{end}}';
  const silent: string[] = [];
  for (const network of NETWORKS) {
    const lines = (await lab.host.docker('network', 'inspect', '-f', format, network)).split('\n');
    for (const line of lines.filter((text) => text.trim() !== '')) {
      const [name = '', address = ''] = line.split(' ');
      const answers = () => lab.host.try(['busybox', 'ping', '-c', '1', '-W', '1', address.split('/')[0] ?? '']);
      if ((await answers()).exitCode !== 0 && (await answers()).exitCode !== 0) silent.push(`${name} ${address}`);
    }
  }
  expect(silent).toEqual([]);
}
