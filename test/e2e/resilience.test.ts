import { expect, test } from '@jest/globals';
import type { Container } from '../lab/container.js';
import { describeInLab } from '../lab/needs.js';
import { type CorduroyLab, E2E_TIMEOUT_MS, eventually, useCorduroy } from './corduroy-host.js';
import { kernelView } from './kernel-view.js';

/** The kernel is compared whole at least this often, in ms, and a little more: what a lost race left goes then. */
const RESYNC_MS = 70_000;

/** A server, one that may reach it and one that may not, with a stream of 100 a second from the latter. */
async function startWatchedPair(lab: CorduroyLab, name: string) {
  await lab.network(name);
  await lab.network(`${name}-strangers`);
  const server = await lab.start(`${name}-server`, name);
  const friend = await lab.start(`${name}-friend`, name);
  const stranger = await lab.start(`${name}-stranger`, `${name}-strangers`);
  const address = await server.address(name);
  const count = await server.probe('count', '7500');
  const hostile = await stranger.probe('send', address, '7500', '200');
  return { server, friend, address, count, hostile };
}

async function endWatchedPair(lab: CorduroyLab, name: string): Promise<void> {
  await lab.remove(`${name}-server`, `${name}-friend`, `${name}-stranger`);
  await lab.removeNetworks(name, `${name}-strangers`);
}

/** The rules and chains of ours, as one text. */
const ownRules = async (lab: CorduroyLab): Promise<string> =>
  (await kernelView(lab.host)).rules.filter((rule) => rule.includes('cord')).join('\n');

describeInLab('what others do to the kernel', () => {
  const corduroy = useCorduroy();

  test.each([
    { deed: 'iptables -F FORWARD', commands: () => [['iptables', '-F', 'FORWARD']] },
    { deed: 'iptables -t mangle -F', commands: () => [['iptables', '-t', 'mangle', '-F']] },
    { deed: 'a foreign ACCEPT before ours', commands: () => [['iptables', '-I', 'FORWARD', '-j', 'ACCEPT']] },
    {
      deed: 'a foreign ACCEPT in mangle',
      commands: () => [['iptables', '-t', 'mangle', '-I', 'FORWARD', '-j', 'ACCEPT']],
    },
    { deed: 'our route deleted', commands: (address: string) => [['ip', 'route', 'del', address]] },
  ])(
    '$deed: no denied packet passes, and all is put back',
    async ({ deed, commands }) => {
      const lab = corduroy();
      const name = `deed-${deed.replace(/[^a-z]+/gi, '-').toLowerCase()}`;
      const { friend, address, count, hostile } = await startWatchedPair(lab, name);
      await eventually(
        () => hostile.report(),
        ({ sent }) => sent > 20,
      );
      const before = await ownRules(lab);

      for (const command of commands(address)) await lab.host.run(...command);
      await eventually(
        () => friend.reaches(address),
        (reached) => reached,
      );
      await eventually(
        () => ownRules(lab),
        (rules) => rules === before,
      );
      expect((await count.stop()).received).toBe(0);
      await hostile.stop();
      for (const table of ['filter', 'mangle']) {
        await lab.host.try(['iptables', '-t', table, '-D', 'FORWARD', '-j', 'ACCEPT']);
      }
      await endWatchedPair(lab, name);
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'sets emptied by hand let nothing pass, and a restart fills them again',
    async () => {
      const lab = corduroy();
      const { friend, address, count, hostile } = await startWatchedPair(lab, 'emptied');
      await lab.host.run('sh', '-c', 'for set in $(ipset list -n); do ipset flush "$set"; done');
      await eventually(
        () => hostile.report(),
        ({ sent }) => sent > 50,
      );
      await lab.host.stopCorduroy('SIGTERM');
      await lab.host.startCorduroy();
      expect(await friend.reaches(address)).toBe(true);
      expect((await count.stop()).received).toBe(0);
      await hostile.stop();
      await endWatchedPair(lab, 'emptied');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'rules, sets and routes of others are left as they are, whatever we do',
    async () => {
      const lab = corduroy();
      await lab.host.run('ipset', 'create', 'theirs', 'hash:ip');
      await lab.host.run('ipset', 'add', 'theirs', '192.0.2.7');
      await lab.host.run('iptables', '-N', 'THEIRS');
      await lab.host.run('iptables', '-A', 'THEIRS', '-m', 'set', '--match-set', 'theirs', 'src', '-j', 'DROP');
      await lab.host.run('iptables', '-I', 'FORWARD', '-j', 'THEIRS');
      await lab.host.run('ip', 'route', 'add', 'blackhole', '192.0.2.0/24');
      await lab.network('beside');
      await lab.start('beside-1', 'beside');
      await lab.host.stopCorduroy('SIGKILL');
      await lab.host.startCorduroy();
      await lab.remove('beside-1');
      await lab.removeNetworks('beside');

      const { rules, routes, sets } = await kernelView(lab.host);
      expect(rules.filter((rule) => rule.includes('THEIRS')).length).toBe(3);
      expect(routes.some((route) => route.startsWith('blackhole 192.0.2.0/24'))).toBe(true);
      expect(sets).toContain('add theirs 192.0.2.7');
    },
    E2E_TIMEOUT_MS,
  );
});

describeInLab('a storm of starts', () => {
  const corduroy = useCorduroy();

  test(
    'under fire lets no packet pass before its policy',
    async () => {
      const lab = corduroy();
      await lab.network('fort', '--subnet', '10.68.0.0/24');
      await lab.network('enemy');
      const enemy = await lab.start('enemy-1', 'enemy');
      const targets = Array.from({ length: 8 }, (_, n) => `10.68.0.${10 + n}`);
      const hostile = await Promise.all(targets.map((address) => enemy.probe('send', address, '7600', '100')));
      const defenders = await Promise.all(targets.map((address, n) => startDefender(lab, `fort-${n}`, address)));
      await new Promise((resolve) => setTimeout(resolve, 300));
      // The kernel of each container has counted what came in, from its first moment.
      for (const defender of defenders) {
        const counters = await defender.run('grep', '^Udp:', '/proc/self/net/snmp');
        const [, inDatagrams, noPorts] = counters.split('\n').at(-1)?.split(' ') ?? [];
        expect({ inDatagrams, noPorts }).toEqual({ inDatagrams: '0', noPorts: '0' });
      }
      for (const probe of hostile) await probe.stop();
      await lab.remove('enemy-1', ...defenders.map(({ name }) => name));
      await lab.removeNetworks('fort', 'enemy');
    },
    E2E_TIMEOUT_MS,
  );
});

describeInLab('fifty containers that come and go', () => {
  const corduroy = useCorduroy();

  test(
    'created and killed at random with the daemon killed in between, they leave nothing behind',
    async () => {
      const lab = corduroy();
      // The default pools have just been made.
      const before = await eventually(
        () => kernelView(lab.host),
        ({ sets }) =>
          sets.includes('add cord4-inside 10.64.0.0/12') && sets.includes('add cord6-inside fd80:c0de::/48'),
      );
      await lab.network('churn');
      const random = lcg(42);
      const alive = new Set<string>();
      for (let round = 0; round < 6; round++) {
        const deeds = Array.from({ length: 8 }, async (_, n) => {
          const name = `churn-${round}-${n}`;
          const { exitCode } = await lab.host.tryDocker('run', '-d', '--name', name, '--net', 'churn', 'lab:1');
          if (exitCode === 0) alive.add(name);
          if (random() < 0.5) {
            await lab.host.tryDocker('rm', '-f', name);
            alive.delete(name);
          }
        });
        if (round % 2 === 1) {
          await lab.host.stopCorduroy('SIGKILL');
          await lab.host.startCorduroy();
        }
        await Promise.all(deeds);
      }
      const [one, two] = [...alive];
      if (one === undefined || two === undefined) throw new Error('no two containers are left to try');
      expect(
        await (await lab.host.container(one)).reaches(await (await lab.host.container(two)).address('churn')),
      ).toBe(true);

      await lab.remove(...(await lab.host.docker('ps', '-aq')).split('\n'));
      await lab.removeNetworks('churn');
      await eventually(
        () => kernelView(lab.host),
        (after) => JSON.stringify(after) === JSON.stringify(before),
        RESYNC_MS,
      ).catch(async () => expect(await kernelView(lab.host)).toEqual(before));
      expect(JSON.parse(await lab.host.cord('endpoint', 'list', '-o', 'json'))).toEqual([]);
    },
    3 * E2E_TIMEOUT_MS,
  );
});

async function startDefender(lab: CorduroyLab, name: string, address: string): Promise<Container> {
  return lab.start(name, 'fort', '--ip', address);
}

/** The same numbers from 0 to 1 in each run. */
function lcg(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}
