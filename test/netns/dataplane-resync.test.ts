import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { uninstallDataplane } from '../../routing/uninstall.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { hostInterfaceOf, type InterfaceName } from '../../src/model/ids.js';
import { eventually } from '../contracts/eventually.js';
import { DataplaneLab } from './dataplane-lab.js';
import { moveIntoContainer } from './test-container.js';
import { netnsUnavailable, startIn, type TestNamespace } from './test-namespace.js';

const unavailable = netnsUnavailable();
if (unavailable !== undefined) console.warn(`skipped: ${unavailable}`);

/** All that a host's user could compare, without counters and without what ends by itself. */
async function hostState(namespace: TestNamespace): Promise<string> {
  const texts = await Promise.all([
    ...['iptables-nft-save', 'ip6tables-nft-save', 'iptables-legacy-save', 'ip6tables-legacy-save'].map((tool) =>
      namespace.exec(tool),
    ),
    namespace.exec('ipset', 'save'),
    ...['-d link', 'addr', '-4 route show table all', '-6 route show table all', 'neigh show nud permanent'].map(
      (words) => namespace.ip(words),
    ),
    namespace.exec('sysctl', 'net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'),
  ]);
  return (
    texts
      .join('\n')
      .split('\n')
      // The tables' own frames appear with the first rule and cannot be told from empty ones.
      .filter((line) => !/^(#|\*|COMMIT|:(PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING) )|valid_lft/.test(line))
      .map((line) => line.replace(/\[\d+:\d+\]/, '').replace(/ initval \S+| qlen \d+/g, ''))
      .filter((line) => line.trim() !== '')
      .join('\n')
  );
}

const FOREIGN = [
  'iptables-BACKEND -A FORWARD -s 203.0.113.0/24 -j ACCEPT',
  'iptables-BACKEND -N DOCKER-USER',
  'iptables-BACKEND -A FORWARD -j DOCKER-USER',
  'iptables-BACKEND -t mangle -A PREROUTING -p tcp --dport 9999 -j MARK --set-mark 1',
  'ip6tables-BACKEND -A INPUT -p tcp --dport 9999 -j DROP',
  'ipset create others hash:ip',
  'ipset add others 203.0.113.7',
  'ip link add foreign0 type veth peer name foreign1',
  'ip link set foreign0 up',
  'ip route add 203.0.113.0/24 dev foreign0 proto 80',
  'ip route add blackhole 203.0.112.0/24 proto 99',
];

async function makeForeignThings(namespace: TestNamespace, backend: string): Promise<void> {
  for (const line of FOREIGN) {
    const [program = '', ...args] = line.replace('BACKEND', backend).split(' ');
    await namespace.exec(program, ...args);
  }
}

(unavailable === undefined ? describe : describe.skip).each(['nft', 'legacy'] as const)('with %s', (backend) => {
  let lab: DataplaneLab;
  let endpoint: Endpoint;
  let link: InterfaceName;
  let container: TestNamespace;

  beforeEach(async () => {
    lab = await DataplaneLab.create(backend);
    await makeForeignThings(lab.namespace, backend);
    await lab.start();
    endpoint = await lab.putEndpoint(2);
    link = hostInterfaceOf(endpoint.id);
    await lab.attach(endpoint);
    container = await moveIntoContainer(lab.namespace, endpoint);
    await lab.dataplane.settled();
  });
  afterEach(async () => {
    await container?.dispose();
    await lab.dispose();
  });

  test('a second resync finds nothing and writes nothing', async () => {
    const before = await hostState(lab.namespace);
    await lab.dataplane.resync();
    await lab.dataplane.resync();
    expect(lab.dataplane.status()).toMatchObject({ synced: true, repairsTotal: 0, attached: 1 });
    expect(await hostState(lab.namespace)).toBe(before);
  });

  test('what others took away or changed is put back, told once, and nothing else is touched', async () => {
    const set = (await lab.kernel.ipSets.ours()).find(
      ({ members }) => members.size > 0 && [...members].some((m) => m.startsWith('10.64')),
    );
    const before = await hostState(lab.namespace);
    const damages: readonly (readonly [string, string])[] = [
      [`iptables-${backend} -F FORWARD`, 'hook'],
      [`iptables-${backend} -t mangle -F FORWARD`, 'hook'],
      [`iptables-${backend} -t security -F FORWARD`, 'hook'],
      [`iptables-${backend} -t mangle -F cord-fwd`, 'chain'],
      [`iptables-${backend} -t mangle -I cord-fwd 1 -j ACCEPT`, 'chain'],
      [`ip6tables-${backend} -t raw -F PREROUTING`, 'hook'],
      [`iptables-${backend} -t mangle -N cord-stranger`, 'chain'],
      [`ipset flush ${set?.name}`, 'set'],
      ['ipset create cord4-stranger hash:ip', 'set'],
      [`ip link set ${link} down`, 'link'],
      [`ip route del 10.64.0.2 dev ${link}`, 'route'],
      [`ip -6 route del fd80:c0de::2 dev ${link}`, 'route'],
      [`ip neigh del 10.64.0.2 dev ${link}`, 'neighbour'],
      [`ip link set ${link} address 02:00:00:00:00:77`, 'link'],
      [`sysctl -w net.ipv4.conf.${link}.rp_filter=0`, 'sysctl'],
      ['sysctl -w net.ipv4.ip_forward=0', 'sysctl'],
      ['ip link add cordffffffffff1 type veth peer name ctmpffffffffff1', 'link'],
      ['ip route add blackhole 10.64.9.0/26 proto 80', 'route'],
    ];
    for (const [damage, what] of damages) {
      const told = lab.dataplane.status().repairsTotal;
      const [program = '', ...args] = damage.split(' ');
      await lab.namespace.exec(program, ...args);
      await lab.dataplane.resync();
      await lab.kernel.network.retired();
      const { repairs, repairsTotal } = lab.dataplane.status();
      expect([damage, repairsTotal > told, repairs.map((repair) => repair.what).includes(what as never)]).toEqual([
        damage,
        true,
        true,
      ]);
      await lab.dataplane.resync();
      expect([damage, lab.dataplane.status().repairsTotal]).toEqual([damage, repairsTotal]);
    }
    // `-F FORWARD` took others' rules too, which are not ours to restore.
    const lost = /^-A FORWARD (-s 203|-j DOCKER-USER)/;
    const comparable = (state: string) =>
      state
        .split('\n')
        .filter((line) => !lost.test(line))
        .sort()
        .join('\n');
    expect(comparable(await hostState(lab.namespace))).toBe(comparable(before));
  });

  test('damage is noticed without being asked', async () => {
    await lab.namespace.exec(`iptables-${backend}`, '-F', 'FORWARD');
    await lab.namespace.ip(`route del 10.64.0.2 dev ${link}`);
    await eventually(() => {
      const whats = lab.dataplane.status().repairs.map(({ what }) => what);
      expect(whats).toContain('hook');
      expect(whats).toContain('route');
    });
  });

  test('a set that was emptied by hand is noticed without being asked', async () => {
    const members = async () =>
      (await lab.kernel.ipSets.ours()).map(({ name, members }) => `${name} ${members.size}`).sort();
    const before = await members();
    // Twice the time between two looks: the last of our own changes is behind us.
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    await lab.namespace.exec('sh', '-c', 'for set in $(ipset list -n | grep ^cord); do ipset flush $set; done');
    const emptied = performance.now();
    await eventually(() => expect(lab.dataplane.status().repairs.map(({ what }) => what)).toContain('set'));
    expect(performance.now() - emptied).toBeLessThan(4_000);
    expect(await members()).toEqual(before);
  });

  test('a rule that stands before ours is found, and ours come first again', async () => {
    await lab.namespace.exec(`iptables-${backend}`, '-t', 'mangle', '-I', 'FORWARD', '1', '-j', 'ACCEPT');
    await lab.dataplane.resync();
    const rules = (await lab.namespace.exec(`iptables-${backend}`, '-t', 'mangle', '-S', 'FORWARD')).split('\n');
    expect(rules.slice(1, 3)).toEqual([expect.stringContaining('cord-fwd'), '-A FORWARD -j ACCEPT']);
  });

  test('established connections do not pass what Docker puts up for its bridges, but what may deny them', async () => {
    const docker = ['-i br-1 ! -o br-1 -j ACCEPT', '-o br-1 -j DOCKER', '-j DOCKER-USER'];
    await lab.namespace.exec(`iptables-${backend}`, '-N', 'DOCKER');
    await lab.namespace.exec(`iptables-${backend}`, '-D', 'FORWARD', '-j', 'DOCKER-USER');
    for (const rule of docker) await lab.namespace.exec(`iptables-${backend}`, '-I', 'FORWARD', ...rule.split(' '));
    const order = async () => {
      const rules = (await lab.namespace.exec(`iptables-${backend}`, '-S', 'FORWARD')).split('\n').slice(1);
      return rules.filter((rule) => rule !== '').map((rule) => /ESTABLISHED|mark|DOCKER\S*|ACCEPT/.exec(rule)?.[0]);
    };
    const inOrder = ['DOCKER-USER', 'ESTABLISHED', 'ESTABLISHED', 'DOCKER', 'ACCEPT', 'ACCEPT', 'mark', 'mark'];
    await lab.dataplane.resync();
    expect(await order()).toEqual(inOrder);
    await lab.dataplane.resync();
    expect(await order()).toEqual(inOrder);
    // That is no harm that somebody did.
    expect(lab.dataplane.status().repairsTotal).toBe(0);
  });

  test('a new daemon takes over what an old one left: no packet is lost, and nothing is written', async () => {
    const before = await hostState(lab.namespace);
    const ping = startIn(container, 'busybox', 'ping', '-i', '0.01', '-c', '150', '192.0.2.1');
    await new Promise((resolve) => setTimeout(resolve, 300));
    lab.stop();
    expect(await hostState(lab.namespace)).toBe(before);
    await lab.start();
    expect(await hostState(lab.namespace)).toBe(before);
    expect(lab.dataplane.attached()).toEqual(new Set([endpoint.id]));
    expect(lab.dataplane.status().repairsTotal).toBe(0);
    await ping.ended;
    expect(ping.lines.join('\n')).toContain('150 packets transmitted, 150 packets received');
  });

  test('an endpoint whose record went while no daemon ran is removed at the start', async () => {
    lab.stop();
    await lab.removeEndpoint(endpoint);
    await lab.start();
    await lab.kernel.network.retired();
    expect(await lab.namespace.ip('link')).not.toMatch(/cord/);
    expect(await lab.namespace.ip('link')).toContain('foreign0');
  });

  test('a container that dies takes its link along, and the endpoint is no longer attached', async () => {
    await container.ip('link del eth0');
    const deadline = performance.now() + 2_000;
    while (performance.now() < deadline && lab.dataplane.attached().size > 0)
      await new Promise((r) => setTimeout(r, 20));
    expect(lab.dataplane.attached().size).toBe(0);
    await lab.dataplane.detach(endpoint);
    expect(lab.dataplane.status().repairsTotal).toBe(0);
  });
});

(unavailable === undefined ? describe : describe.skip).each(['nft', 'legacy'] as const)('with %s', (backend) => {
  test('uninstalling leaves the host as it was', async () => {
    const lab = await DataplaneLab.create(backend);
    await makeForeignThings(lab.namespace, backend);
    const before = await hostState(lab.namespace);
    await lab.start();
    const endpoints = await Promise.all([2, 3, 4].map((number) => lab.putEndpoint(number)));
    await Promise.all(endpoints.map((endpoint) => lab.attach(endpoint)));
    expect(await hostState(lab.namespace)).not.toBe(before);
    lab.dataplane.stop();
    try {
      for (let round = 0; round < 2; round++) {
        await uninstallDataplane(lab.kernel, lab.formerHostSettings);
        expect(await hostState(lab.namespace)).toBe(before);
      }
    } finally {
      await lab.dispose();
    }
  });
});
