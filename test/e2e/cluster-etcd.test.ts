import { beforeAll, expect, test } from '@jest/globals';
import { describeInLab } from '../lab/needs.js';
import { CLUSTER_TOOLS, type CorduroyCluster, useCorduroyCluster } from './corduroy-cluster.js';
import { type CorduroyLab, E2E_TIMEOUT_MS, eventually } from './corduroy-host.js';
import { logMark, pluginCalls } from './plugin-calls.js';
import { Streams } from './streams.js';

/** Docker's calls are answered within 2 s, and a little more on a busy machine. */
const ANSWERED_MS = 2_600;

const succeeds = ({ exitCode }: { readonly exitCode: number }) => exitCode === 0;
const run = ({ host }: CorduroyLab, name: string, network: string) =>
  host.tryDocker('run', '-d', '--name', name, '--net', network, 'lab:1');

/** Tries until a container runs. @returns how long that took, in ms */
async function startsAgain(node: CorduroyLab, name: string, network: string): Promise<number> {
  const begun = performance.now();
  await eventually(
    async () => {
      await node.host.tryDocker('rm', '-f', name);
      return run(node, name, network);
    },
    succeeds,
    20_000,
  );
  return Math.round(performance.now() - begun);
}

/** Each of Docker's calls since the marks was answered in time, and each failure is a sentence. */
function expectAnswersInTime(nodes: readonly CorduroyLab[], marks: readonly number[]): void {
  const calls = nodes.flatMap(({ host }, index) => pluginCalls(host, marks[index]));
  expect(calls.filter(({ ms }) => ms > ANSWERED_MS)).toEqual([]);
  for (const { outcome, error } of calls) if (outcome !== 'ok') expect(error).toMatch(/^\S.{20,}[^.]$/s);
}

describeInLab(
  'an etcd of three members, with user and password',
  () => {
    const cluster = useCorduroyCluster({ members: 3, security: 'password' });
    let streams: Streams;
    beforeAll(async () => {
      await cluster().network('kept', '10.66.0.0/24');
      await cluster().network('kept-strangers', '10.66.1.0/24');
      streams = await Streams.between(cluster().node(0), cluster().node(1), 'kept');
    }, E2E_TIMEOUT_MS);

    const nothingPassedOrWasLost = async () => {
      expect(await streams.intruders()).toEqual({});
      expect(await streams.lost()).toEqual({ missing: [], tail: 0 });
    };

    test(
      'its leader is lost and comes back: containers start within seconds',
      async () => {
        const { etcd, nodes } = cluster();
        const marks = nodes.map(({ host }) => logMark(host));
        const leader = await etcd.leader();
        await leader.kill();
        const [one, two] = await Promise.all(nodes.map((node) => startsAgain(node, 'led', 'kept')));
        process.stderr.write(`leader lost: containers start after ${one} and ${two} ms\n`);
        expectAnswersInTime(nodes, marks);
        await etcd.revive();
        await Promise.all(nodes.map((node) => node.remove('led')));
        await nothingPassedOrWasLost();
      },
      E2E_TIMEOUT_MS,
    );

    test.each([
      { how: 'killed', take: ({ etcd }: CorduroyCluster) => etcd.killAll() },
      { how: 'frozen', take: ({ etcd }: CorduroyCluster) => etcd.freezeAll() },
    ])(
      'all members $how: what runs goes on, what stops is gone, what starts is refused in time, and all converges',
      async ({ how, take }) => {
        const { etcd, nodes } = cluster();
        const [one, two] = [cluster().node(0), cluster().node(1)];
        await two.start(`guest-${how}`, 'kept');
        const marks = nodes.map(({ host }) => logMark(host));

        await take(cluster());
        const refusals = await Promise.all(
          nodes.map(({ host }) => host.tryDocker('run', '--rm', '--net', 'kept', 'lab:1', 'true')),
        );
        for (const { exitCode, stderr } of refusals) {
          expect(exitCode).not.toBe(0);
          expect(stderr).toMatch(/etcd/);
        }
        await two.remove(`guest-${how}`);
        const { exitCode, stderr } = await one.host.tryCord('profile', 'add', `late-${how}`);
        expect(exitCode).toBe(1);
        expect(stderr).toMatch(/etcd at https:.* (cannot be used|does not answer)/);
        await streams.sendMore(100);
        await nothingPassedOrWasLost();
        expectAnswersInTime(nodes, marks);

        await etcd.revive();
        const [first, second] = await Promise.all(nodes.map((node) => startsAgain(node, `after-${how}`, 'kept')));
        const after = await two.host.container(`after-${how}`);
        const peer = await (await one.host.container(`after-${how}`)).address('kept');
        await eventually(
          () => after.reaches(peer),
          (reached) => reached,
        );
        await one.host.cord('profile', 'add', `late-${how}`);
        process.stderr.write(`all ${how}: containers start ${first} and ${second} ms after the return\n`);
        await Promise.all(nodes.map((node) => node.remove(`after-${how}`)));
        await nothingPassedOrWasLost();
      },
      4 * E2E_TIMEOUT_MS,
    );
  },
  CLUSTER_TOOLS,
);
