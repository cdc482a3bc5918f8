import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Kernel } from '../../src/effects/kernel.js';
import { parseNodeName } from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { NodeRecord, nodeKey } from '../../src/model/node.js';
import { eventually } from '../contracts/eventually.js';
import { DataplaneLab } from './dataplane-lab.js';
import { netnsUnavailable } from './test-namespace.js';

const unavailable = netnsUnavailable();
if (unavailable !== undefined) console.warn(`skipped: ${unavailable}`);

/** Between two comparisons of the whole kernel that nothing asked for, at least, in ms. */
const RESYNC_MS = 10_000;

/** How often the addresses of the host were read, our routes, and the whole kernel: that alone reads all links. */
const reads = { hostNetworks: 0, ourRoutes: 0, links: 0 };

/** The same kernel, which counts what is read. */
const counting = (kernel: Kernel): Kernel => ({
  ...kernel,
  network: new Proxy(kernel.network, {
    get(network, name) {
      if (name in reads) reads[name as keyof typeof reads]++;
      const member: unknown = Reflect.get(network, name);
      return typeof member === 'function' ? member.bind(network) : member;
    },
  }),
});

(unavailable === undefined ? describe : describe.skip)("changes of the host's own links", () => {
  let lab: DataplaneLab;
  let begun: number;
  let before: typeof reads;
  const shell = (script: string) => lab.namespace.exec('sh', '-ec', script);
  const node = (name: string, ip: string) => {
    const record = { name: parseNodeName(name), ip: parseIpAddress(ip), labels: {}, version: '1' };
    const value = NodeRecord.encode({ ...record, startedAt: '2026-01-01T00:00:00.000Z' });
    return { kind: 'put', key: nodeKey(record.name), value } as const;
  };
  const routesBy = (uplink: string) => [
    `10.64.1.0/26 via 10.99.0.12 dev ${uplink} metric 16 onlink`,
    '169.254.1.1 dev lo scope link',
    'blackhole 10.64.0.0/26',
  ];
  const routesAre = (wanted: readonly string[]) =>
    eventually(async () => {
      const lines = (await lab.namespace.ip('-4 route show proto 80')).split('\n').map((line) => line.trim());
      expect(lines.filter((line) => line !== '').sort()).toEqual(wanted);
    });
  const begin = () => {
    begun = performance.now();
    before = { ...reads };
  };
  const wholeComparisons = () => reads.links - before.links;
  const byTheClock = () => 1 + Math.floor((performance.now() - begun) / RESYNC_MS);

  beforeAll(async () => {
    lab = await DataplaneLab.create('nft', { distribution: 'direct', kernel: counting });
    await shell(`
      ip link add eth0 type veth peer name wire0; ip link set wire0 up
      ip link add eth1 type veth peer name wire1; ip link set wire1 up
      ip addr add 10.99.0.11/24 dev eth0; ip link set eth0 up; ip link set eth1 up; ip link set lo up`);
    await lab.write([node('alpha', '10.99.0.11'), node('beta', '10.99.0.12')]);
    await lab.putBlock('10.64.0.0/26', 'alpha');
    await lab.putBlock('10.64.1.0/26', 'beta');
    await lab.start();
    await routesAre(routesBy('eth0'));
  });
  afterAll(() => lab.dispose());
  beforeEach(begin);

  test('bridges and links of others that come and go have the addresses of the host read, and nothing else', async () => {
    for (let round = 1; round <= 4; round++) {
      await shell(`
        ip link add foreign0 type veth peer name foreign1; ip link add br-foreign type bridge
        ip link set foreign0 master br-foreign; ip link set foreign0 up; ip link set foreign1 up; ip link set br-foreign up
        ip link del foreign0; ip link del br-foreign`);
      await eventually(() => expect(reads.hostNetworks - before.hostNetworks).toBeGreaterThanOrEqual(round));
    }
    expect(wholeComparisons()).toBeLessThanOrEqual(byTheClock());
    expect(reads.ourRoutes - before.ourRoutes).toBe(wholeComparisons());
  });

  test.each([
    [
      'deleted',
      'ip route del 10.64.1.0/26 proto 80; ip route del blackhole 10.64.0.0/26 proto 80; ip route del 169.254.1.1 dev lo',
    ],
    ['lost with an uplink that was down for a moment', 'ip link set eth0 down; ip link set eth0 up'],
    ["lost with the uplink's last address", 'ip addr del 10.99.0.11/24 dev eth0; ip addr add 10.99.0.11/24 dev eth0'],
    ['lost with the loopback interface', 'ip link set lo down; ip link set lo up'],
  ])('routes that were %s are put back, and nothing but routes is compared', async (_, damage) => {
    for (let round = 1; round <= 3; round++) {
      await shell(damage);
      await routesAre(routesBy('eth0'));
    }
    expect(wholeComparisons()).toBeLessThanOrEqual(byTheClock());
  });

  test('an address of the host that moves to another link is followed, and nothing but routes is compared', async () => {
    for (const [from, to] of [
      ['eth0', 'eth1'],
      ['eth1', 'eth0'],
      ['eth0', 'eth1'],
    ] as const) {
      await shell(`ip addr del 10.99.0.11/24 dev ${from}; ip addr add 10.99.0.11/24 dev ${to}`);
      await routesAre(routesBy(to));
    }
    expect(wholeComparisons()).toBeLessThanOrEqual(byTheClock());
  });
});
