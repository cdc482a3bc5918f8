import { expect, test } from '@jest/globals';
import { adminCall } from '../lab/admin-call.js';
import type { Container } from '../lab/container.js';
import { describeInLab } from '../lab/needs.js';
import { Outside } from '../lab/outside.js';
import { TEST_IMAGE } from '../lab/test-image.js';
import { type CorduroyLab, E2E_TIMEOUT_MS, useCorduroy } from './corduroy-host.js';

const PREFIX = '10.68.0';
const OPEN_PREFIX = '10.69.0';
const PORT = '7801';
/** The network has 62 addresses for containers; these are fired at. */
const LAST = '62';
const ROUNDS = 3;
const AT_ONCE = 8;

/** Fires pings and connections at the outside and at the enemy from its first instruction on, then stays. */
const FIRE_AT_ONCE = (enemy: string): string =>
  `i=0; while [ $i -lt 30 ]; do for to in ${Outside.address} ${enemy}; do
     ping -c 1 -W 1 $to >/dev/null & echo $i | nc -w 1 $to ${PORT} & done; i=$((i+1)); done; exec stay`;

interface Namespace {
  run(...command: readonly string[]): Promise<string>;
}

/** Makes the receiver's kernel count what arrives from each of the two networks, whatever it is. */
async function countAt(receiver: Namespace): Promise<void> {
  for (const prefix of [PREFIX, OPEN_PREFIX]) {
    await receiver.run('iptables', '-t', 'raw', '-A', 'PREROUTING', '-s', `${prefix}.0/26`, '-j', 'RETURN');
  }
}

async function countedAt(receiver: Namespace): Promise<{ readonly forbidden: number; readonly allowed: number }> {
  const rules = (await receiver.run('iptables', '-t', 'raw', '-nvxL', 'PREROUTING')).split('\n');
  const packetsFrom = (prefix: string) =>
    Number(
      rules
        .find((rule) => rule.includes(`${prefix}.0/26`))
        ?.trim()
        .split(/ +/)[0],
    );
  return { forbidden: packetsFrom(PREFIX), allowed: packetsFrom(OPEN_PREFIX) };
}

/** IPv4 packets that the container's own kernel has received since it was made: nothing is sent over its loopback. */
async function receivedBy(container: Container): Promise<number> {
  const [names = '', values = ''] = (await container.run('grep', '^Ip:', '/proc/self/net/snmp')).split('\n');
  return Number(values.split(' ')[names.split(' ').indexOf('InReceives')]);
}

/** Starts one in the network, counts what reached it, and removes it. @returns undefined if the engine refused */
async function startAndCount(lab: CorduroyLab, name: string, network: string, command: string) {
  const { exitCode } = await lab.host.tryDocker(
    ...['run', '-d', '--name', name, '--net', network, TEST_IMAGE, 'sh', '-c', command],
  );
  if (exitCode !== 0) return undefined;
  const container = await lab.host.container(name);
  const address = await container.address(network);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const received = await receivedBy(container);
  await lab.remove(name);
  return { address, received };
}

describeInLab('a storm of starts under fire', () => {
  const corduroy = useCorduroy();

  test.each([
    { what: 'with the daemon running', kill: false },
    { what: 'with the daemon killed and started in the middle', kill: true },
  ])(
    'not one packet reaches a container that may receive none, nor leaves one that may send none, $what',
    async ({ kill }) => {
      const lab = corduroy();
      const { host, outside } = lab;
      await host.tryCord('profile', 'add', 'shut');
      await adminCall(host, 'PUT', '/profiles/shut/rules', { inbound: [], outbound: [] });
      // Not translated, so that receivers see who sends.
      const plain = ['-o', 'nat-outgoing=false'];
      await lab.network('fort', '--subnet', `${PREFIX}.0/26`, '-o', 'profiles=shut', ...plain);
      await lab.network('field', '--subnet', `${OPEN_PREFIX}.0/26`, ...plain);
      await host.cord('profile', 'field', 'rule', 'add', 'inbound', 'allow');
      await outside.addRoute('10.68.0.0/15', 0);
      const enemy = await lab.start('enemy', 'field');
      const enemyAddress = await enemy.address('field');
      for (const receiver of [outside, enemy]) await countAt(receiver);
      const hostile = await Promise.all([
        enemy.probe('sweep', PREFIX, '1', LAST, PORT, '1500'),
        outside.probe('sweep', PREFIX, '1', LAST, PORT, '1500'),
        outside.probe('sweep', OPEN_PREFIX, '1', LAST, PORT, '500'),
      ]);

      const counted: { address: string; received: number }[] = [];
      let refused = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const starts = Array.from({ length: AT_ONCE }, (_, n) =>
          startAndCount(lab, `fort-${round}-${n}`, 'fort', FIRE_AT_ONCE(enemyAddress)),
        );
        if (kill && round === 1) {
          await new Promise((resolve) => setTimeout(resolve, 700));
          await host.stopCorduroy('SIGKILL');
          await host.startCorduroy();
        }
        for (const one of await Promise.all(starts)) {
          if (one === undefined) refused++;
          else counted.push(one);
        }
      }
      // The counters count: the same command in a network that allows it.
      const control = await startAndCount(lab, 'control', 'field', FIRE_AT_ONCE(enemyAddress));

      expect(counted.length).toBeGreaterThanOrEqual(kill ? AT_ONCE : ROUNDS * AT_ONCE);
      if (!kill) expect(refused).toBe(0);
      expect(counted.filter(({ received }) => received > 0)).toEqual([]);
      expect(control?.received).toBeGreaterThan(0);
      for (const receiver of [outside, enemy]) {
        const { forbidden, allowed } = await countedAt(receiver);
        expect(forbidden).toBe(0);
        expect(allowed).toBeGreaterThan(0);
      }
      for (const probe of hostile) expect((await probe.report()).sent).toBeGreaterThan(1_000);
      await Promise.all(hostile.map((probe) => probe.stop()));
      await outside.run('iptables', '-t', 'raw', '-F');
      await lab.remove(...(await host.docker('ps', '-aq')).split('\n'));
      await lab.removeNetworks('fort', 'field');
    },
    2 * E2E_TIMEOUT_MS,
  );
});
