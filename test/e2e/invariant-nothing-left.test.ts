import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { RETIRED_GROUP } from '../../src/infrastructure/linux/link-reaper.js';
import { Lab } from '../lab/lab.js';
import { describeInLab } from '../lab/needs.js';
import { CorduroyLab, E2E_TIMEOUT_MS } from './corduroy-host.js';
import { kernelEvents } from './kernel-events.js';
import { wholeKernel } from './whole-kernel.js';

/** What other programs of a host may have made; nothing of it is ours. */
const FOREIGN = [
  'ipset create theirs hash:ip',
  'ipset add theirs 192.0.2.7',
  'iptables -N THEIRS',
  'iptables -A THEIRS -m set --match-set theirs src -j DROP',
  'iptables -I FORWARD -j THEIRS',
  'iptables -t mangle -A PREROUTING -p tcp --dport 9999 -j MARK --set-mark 0x1',
  'iptables -t raw -A PREROUTING -s 192.0.2.9 -j DROP',
  'iptables -t nat -A POSTROUTING -s 192.0.2.0/24 -j MASQUERADE',
  'ip6tables -A INPUT -p tcp --dport 9999 -j DROP',
  'ip route add blackhole 192.0.2.0/24 proto 99',
  'ip rule add fwmark 0x1 lookup 100',
  'sysctl -qw net.ipv6.conf.all.forwarding=0',
] as const;

/** Ours, and with endpoints: several networks, IPv6, a published port, an internal network, a profile with every kind of match. */
async function liveFully(lab: CorduroyLab, containers: number): Promise<void> {
  await lab.network('one', '--ipv6');
  await lab.network('two', '--internal');
  await lab.host.cord('profile', 'add', 'strict');
  await lab.host.cord('profile', 'strict', 'tag', 'add', 'web');
  await lab.host.cord('profile', 'strict', 'rule', 'add', 'inbound', 'allow tcp from tag web to ports 80,443');
  await lab.host.cord('profile', 'strict', 'rule', 'add', 'outbound', 'deny to 192.0.2.0/24');
  await lab.network('three', '-o', 'profiles=strict');
  const networks = ['one', 'two', 'three'];
  const flags = [['-p', '8081:80'], [], ['-p', '127.0.0.1:8082:80/udp']];
  for (let n = 0; n < containers; n++) {
    await lab.start(`full-${n}`, networks[n % 3] ?? '', ...(n < 3 ? (flags[n] ?? []) : []));
  }
}

describeInLab('what a daemon leaves of itself', () => {
  let lab: CorduroyLab;
  let before: readonly string[];
  beforeAll(async () => {
    lab = new CorduroyLab(await Lab.up());
    await lab.host.run('sh', '-ec', FOREIGN.join('\n'));
    before = await wholeKernel(lab.host);
    await lab.host.startCorduroy();
    await liveFully(lab, 20);
  }, 2 * E2E_TIMEOUT_MS);
  afterAll(() => lab?.lab.down(), E2E_TIMEOUT_MS);

  test(
    'a daemon started again over twenty containers writes nothing into the kernel',
    async () => {
      await lab.host.stopCorduroy('SIGKILL');
      const running = await wholeKernel(lab.host);
      const events = await kernelEvents(lab.host);
      await lab.host.startCorduroy();
      // The second pass of the reconciler, and whatever it might set off.
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      expect(await events.stop()).toEqual([]);
      expect(await wholeKernel(lab.host)).toEqual(running);
      const status = JSON.parse(await lab.host.cord('status', '-o', 'json'));
      expect(status).toMatchObject({
        kernel: { repairsTotal: 0, synced: true },
        endpoints: { here: 20, attached: 20 },
      });
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'the counter of writes counts: a rule, a route, a set member and a setting are seen',
    async () => {
      const events = await kernelEvents(lab.host);
      await lab.host.run('iptables', '-t', 'mangle', '-A', 'PREROUTING', '-s', '192.0.2.77', '-j', 'DROP');
      await lab.host.run('iptables', '-t', 'mangle', '-D', 'PREROUTING', '-s', '192.0.2.77', '-j', 'DROP');
      await lab.host.run('ip', 'route', 'add', 'blackhole', '192.0.3.0/24');
      await lab.host.run('ip', 'route', 'del', 'blackhole', '192.0.3.0/24');
      const seen = (await events.stop()).join('\n');
      expect(seen).toMatch(/NEWGEN/);
      expect(seen).toMatch(/192\.0\.3\.0/);
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'uninstalling is refused beside a daemon, and while containers are attached',
    async () => {
      const beside = await lab.host.tryCord('uninstall');
      expect(beside.exitCode).toBe(1);
      expect(beside.stderr).toContain('the daemon runs, and would put everything back');
      await lab.host.stopCorduroy();
      const running = await wholeKernel(lab.host);
      const attached = await lab.host.tryCord('uninstall');
      expect(attached.exitCode).toBe(1);
      expect(attached.stderr).toContain('20 containers are attached');
      expect(attached.stderr).toContain('--force');
      expect(await wholeKernel(lab.host)).toEqual(running);
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'after uninstalling by force, all rules, sets, routes, links, addresses and settings are as before the first start',
    async () => {
      const { stderr, exitCode } = await lab.host.tryCord('uninstall', '--force');
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      const after = await wholeKernel(lab.host);
      expect(after.filter((line) => !before.includes(line))).toEqual([]);
      expect(before.filter((line) => !after.includes(line))).toEqual([]);
      // A daemon that ends may leave the link of a container that has just ended, marked for deletion.
      const dead = [
        'name',
        'cord00000000001',
        'group',
        `${RETIRED_GROUP}`,
        'type',
        'veth',
        'peer',
        'name',
        'ctmp00000000001',
      ];
      await lab.host.run('ip', 'link', 'add', ...dead);
      expect((await lab.host.tryCord('uninstall')).exitCode).toBe(0);
      expect(await wholeKernel(lab.host)).toEqual(after);
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'a daemon started after that brings the containers that are started anew back under policy',
    async () => {
      await lab.host.startCorduroy();
      await lab.host.docker('restart', '-t', '0', 'full-0', 'full-3');
      const [one, four] = [await lab.host.container('full-0'), await lab.host.container('full-3')];
      expect(await one.reaches(await four.address('one'))).toBe(true);
    },
    E2E_TIMEOUT_MS,
  );
});
