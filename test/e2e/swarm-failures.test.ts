import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LabHost } from '../lab/host.js';
import { describeInLab } from '../lab/needs.js';
import { E2E_TIMEOUT_MS, eventually } from './corduroy-host.js';
import { SWARM_TOOLS, SwarmLab, type Task } from './swarm-lab.js';

/** Swarm waits for most of the time: for elections, and for nodes that may be back. */
const PATIENCE_MS = 2 * E2E_TIMEOUT_MS;
const PORT = '7700';
const DISABLED_AFTER_MS = 12_000;

/** Tells how long something took: numbers for docs/swarm.md, which no test depends on. */
const tell = (line: string) => process.stderr.write(`measured: ${line}\n`);
const since = (startMs: number) => `${((Date.now() - startMs) / 1_000).toFixed(1)} s`;
const succeeds = ({ exitCode }: { readonly exitCode: number }) => exitCode === 0;

function defineTests(): void {
  let swarm: SwarmLab;
  const running = (count: number, on?: readonly LabHost[]) =>
    swarm.running('shop', count, { withinMs: PATIENCE_MS, ...(on && { on }) });

  beforeAll(async () => {
    swarm = await SwarmLab.up();
    await swarm.form();
    await swarm.host(0).cord('network', 'create', '--swarm', 'shop');
    await swarm.serve('shop', 3);
    await running(3);
  }, 3 * E2E_TIMEOUT_MS);
  afterAll(() => swarm?.down(), E2E_TIMEOUT_MS);

  /** Each address once, as the containers have them; and the daemons agree. */
  const addressesAreRight = async (list: readonly Task[]): Promise<void> => {
    const held = await Promise.all(
      list.map(async (task) => (await swarm.container(task)).run('ip', '-o', '-4', 'address', 'show', 'eth0')),
    );
    for (const [index, { address }] of list.entries()) expect(held[index]).toContain(`inet ${address}/`);
    expect(new Set(list.map(({ address }) => address)).size).toBe(list.length);
    expect(await swarm.addressFindings()).toEqual([]);
  };

  test(
    "the leader's engine is killed and stays away: nothing is lost, and its containers go on; then it is back",
    async () => {
      const list = await running(3);
      const lost = (await swarm.leader(swarm.host(0))) ?? swarm.host(0);
      const [one, other] = swarm.others(lost);
      const at = (where: LabHost) => list.find(({ host }) => host === where) as Task;
      const probes = await Promise.all(
        [lost, one].map(async (where) => (await swarm.container(at(where))).probe('echo', PORT)),
      );
      const client = await swarm.container(at(other));
      const streams = await Promise.all(
        [lost, one].map((where) => client.probe('send', at(where).address, PORT, '200')),
      );

      const killed = Date.now();
      await lost.stopDockerd('SIGKILL');
      await swarm.scale(one, 'web', 6);
      tell(`leader's engine killed: the new leader takes an order after ${since(killed)}`);
      await running(5, [one, other]);
      tell(`... and new tasks run after ${since(killed)}`);
      await running(6, [one, other]);
      tell(`... and the one of the leader runs elsewhere after ${since(killed)}`);
      for (const stream of streams) {
        const { sent } = await stream.report();
        const isPast = (now: { received: number; missingCount: number }) => now.received + now.missingCount > sent;
        expect((await eventually(() => stream.report(), isPast)).missing).toEqual([]);
      }
      await Promise.all([...streams, ...probes].map((probe) => probe.stop()));

      const back = Date.now();
      await lost.startDockerd();
      await running(0, [lost]);
      tell(`the engine is back, and the container that it had is gone after ${since(back)}`);
      await swarm.scale(one, 'web', 9);
      await addressesAreRight(await running(9));
    },
    3 * PATIENCE_MS,
  );

  test(
    'a host that is no leader loses power and boots at once: tasks run again, on it too',
    async () => {
      const leader = (await swarm.leader(swarm.host(0))) ?? swarm.host(0);
      const [lost, other] = swarm.others(leader);
      await swarm.lab.crash(lost);
      const off = Date.now();
      await swarm.reboot(lost);
      tell(`a host boots after a power failure: engine and daemon answer after ${since(off)}`);
      await running(9);
      tell(`... and all tasks run after ${since(off)}`);
      await swarm.scale(other, 'web', 12);
      const list = await running(12);
      expect(list.some(({ host }) => host === lost)).toBe(true);
      await addressesAreRight(list);
    },
    PATIENCE_MS,
  );

  test(
    'all hosts and etcd lose power, and etcd is back last: the plugin is there, and all tasks run again',
    async () => {
      await Promise.all(swarm.etcd.members.map((member) => member.kill()));
      await Promise.all(swarm.hosts.map((host) => swarm.lab.crash(host)));
      const off = Date.now();
      const etcdBack = new Promise((resolve) => setTimeout(resolve, DISABLED_AFTER_MS)).then(() => {
        for (const member of swarm.etcd.members) member.revive();
        tell(`all off: etcd is back after ${since(off)}`);
      });
      await Promise.all([etcdBack, ...swarm.hosts.map((host) => swarm.reboot(host))]);
      for (const host of swarm.hosts) {
        expect(await host.docker('plugin', 'ls', '--format', '{{.Name}} {{.Enabled}}')).toBe('corduroy:latest true');
      }
      const list = await running(12);
      tell(`... and all tasks run after ${since(off)}`);
      await addressesAreRight(list);
    },
    3 * PATIENCE_MS,
  );

  test(
    'a host leaves the swarm and the cluster, and comes back to both',
    async () => {
      const leader = (await swarm.leader(swarm.host(0))) ?? swarm.host(0);
      const [gone, other] = swarm.others(leader);
      await leader.docker('node', 'demote', gone.name);
      await eventually(
        () => gone.docker('info', '-f', '{{.Swarm.ControlAvailable}}'),
        (text) => text === 'false',
      );
      const left = Date.now();
      await gone.docker('swarm', 'leave', '--force');
      await running(12, [leader, other]);
      tell(`a host left the swarm: its tasks run elsewhere after ${since(left)}`);
      await leader.docker('node', 'rm', '--force', gone.name);
      expect((await leader.tryCord('node', 'remove', gone.name)).stderr).toContain('its daemon lives');
      await gone.docker('plugin', 'disable', '-f', 'corduroy');
      await eventually(() => leader.tryCord('node', 'remove', gone.name), succeeds, 20_000);
      expect(await leader.cord('node', 'list')).not.toContain(gone.name);
      expect(await leader.cord('ipam', 'show', '--blocks')).not.toMatch(new RegExp(` ${gone.name} `));

      await gone.docker('plugin', 'enable', 'corduroy');
      await swarm.ready(gone);
      await swarm.join(gone, leader);
      await swarm.scale(leader, 'web', 18);
      const list = await running(18);
      expect(list.some(({ host }) => host === gone)).toBe(true);
      await addressesAreRight(list);
    },
    2 * PATIENCE_MS,
  );
}

const NAME = 'swarms that lose leaders, hosts and etcd';
if (process.env['CORDUROY_LONG_TESTS'] === undefined) {
  const reason = 'waits minutes for Swarm; "make test-engines ARGS=swarm" runs it, and CORDUROY_LONG_TESTS=1 elsewhere';
  process.stderr.write(`SKIPPED ${NAME}: ${reason}\n`);
  describe.skip(NAME, defineTests);
} else {
  describeInLab(NAME, defineTests, SWARM_TOOLS);
}
