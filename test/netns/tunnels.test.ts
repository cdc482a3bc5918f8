import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { uninstallDataplane } from '../../routing/uninstall.js';
import { silentLogger } from '../../src/effects/logger.js';
import { openLinuxKernel } from '../../src/infrastructure/linux/linux-kernel.js';
import { parseCidr } from '../../src/model/cidr.js';
import { parseNodeName } from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { linkLocalOf } from '../../src/model/mac-address.js';
import { NodeRecord, nodeKey } from '../../src/model/node.js';
import { type Encapsulation, PoolRecord, poolKey } from '../../src/model/pool.js';
import { tunnelMacOf, VXLAN_ID, vxlanName } from '../../src/model/tunnel.js';
import { eventually } from '../contracts/eventually.js';
import { DataplaneLab } from './dataplane-lab.js';
import { netnsUnavailable, startIn } from './test-namespace.js';

const unavailable = netnsUnavailable();
if (unavailable !== undefined) console.warn(`skipped: ${unavailable}`);

const BETA = parseNodeName('beta');
const MAC = tunnelMacOf(BETA);
const NEXT_HOP = linkLocalOf(MAC);

(unavailable === undefined ? describe : describe.skip)('VXLAN in the kernel', () => {
  let lab: DataplaneLab;

  const putNode = (name: string, ip: string, tunnelIps: readonly string[] = []) =>
    lab.write([
      {
        kind: 'put',
        key: nodeKey(parseNodeName(name)),
        value: NodeRecord.encode({
          name: parseNodeName(name),
          ip: parseIpAddress(ip),
          tunnelIp: tunnelIps.map(parseIpAddress)[0],
          tunnelIp6: tunnelIps.map(parseIpAddress)[1],
          labels: {},
          version: '1',
          startedAt: '2026-01-01T00:00:00.000Z',
        }),
      },
    ]);
  const encapsulate = (encapsulation: Encapsulation) =>
    lab.write(
      ['10.64.0.0/12', 'fd80:c0de::/48'].map((text) => {
        const cidr = parseCidr(text);
        const pool = lab.store.pools.get(text.replace('/', '-'))?.value;
        if (pool === undefined) throw new Error(`the lab has no pool ${text}`);
        return { kind: 'put', key: poolKey(cidr), value: PoolRecord.encode({ ...pool, encapsulation }) } as const;
      }),
    );
  const via = async () =>
    (await lab.kernel.network.ourRoutes())
      .flatMap((route) =>
        route.kind === 'via'
          ? [`${route.destination} ${route.gateway} ${route.interfaceName}${route.source ? ` ${route.source}` : ''}`]
          : [],
      )
      .sort((a, b) => (a < b ? -1 : 1));
  const IN_TUNNEL = ['10.64.1.0/26 10.99.0.12 vxlan.cord', `fd80:c0de::40/122 ${NEXT_HOP} vxlan.cord`];
  const present = async () => {
    const [device] = await lab.kernel.network.tunnels();
    const neighbours = await lab.kernel.network.permanentNeighbours();
    return {
      device: device && `${device.name} ${device.local} ${device.mtu} ${device.up} ${device.sound}`,
      forwardings: device === undefined ? [] : await lab.kernel.network.forwardings(device.name),
      neighbours: neighbours.map(({ address, mac }) => `${address} ${mac}`).sort((a, b) => (a < b ? -1 : 1)),
      routes: await via(),
    };
  };
  const whole = {
    device: 'vxlan.cord 10.99.0.11 1450 true true',
    forwardings: [{ mac: MAC, remote: '10.99.0.12', interfaceName: 'vxlan.cord' }],
    neighbours: [`10.99.0.12 ${MAC}`, `${NEXT_HOP} ${MAC}`],
    routes: IN_TUNNEL,
  };

  beforeAll(async () => {
    lab = await DataplaneLab.create('nft', { distribution: 'none' });
    await lab.namespace.ip('link add eth0 type veth peer name wire');
    await lab.namespace.ip('link set wire up');
    await lab.namespace.ip('addr add 10.99.0.11/24 dev eth0');
    await lab.namespace.ip('link set eth0 up');
    await putNode('alpha', '10.99.0.11');
    await putNode('beta', '10.99.0.12');
    await lab.putBlock('10.64.1.0/26', BETA);
    await lab.putBlock('fd80:c0de::40/122', BETA);
    await lab.start();
  });
  afterAll(() => lab.dispose());

  test('nothing of it is there until a pool asks for it, whoever distributes routes', async () => {
    expect(await present()).toEqual({ device: undefined, forwardings: [], neighbours: [], routes: [] });
    await encapsulate({ kind: 'vxlan', crossSubnet: false });
    await eventually(async () => expect(await present()).toEqual(whole));
    await lab.dataplane.resync();
    expect(lab.dataplane.status()).toMatchObject({ synced: true, repairsTotal: 0, routeProblems: [] });
  });

  test.each([
    ['link set vxlan.cord down', 'tunnel vxlan.cord: had another state, MTU or MAC'],
    ['link set vxlan.cord mtu 1300', 'tunnel vxlan.cord: had another state, MTU or MAC'],
    ['link del vxlan.cord', 'tunnel vxlan.cord: was missing'],
    ['neigh del 10.99.0.12 dev vxlan.cord', `tunnel 10.99.0.12 on vxlan.cord at ${MAC}: was missing`],
    ['route del 10.64.1.0/26 proto 80', 'route 10.64.1.0/26: was missing'],
    ['link set vxlan.cord addrgenmode none', 'sysctl net/ipv6/conf/vxlan.cord/addr_gen_mode: was changed'],
  ])('damage by hand is repaired and told: ip %s', async (words, finding) => {
    const told = lab.dataplane.status().repairsTotal;
    await lab.namespace.ip(words);
    await lab.dataplane.resync();
    expect(await present()).toEqual(whole);
    const { repairs, repairsTotal } = lab.dataplane.status();
    expect(repairs.slice(told - repairsTotal).map(({ what, detail }) => `${what} ${detail}`)).toContain(finding);
    await lab.dataplane.resync();
    expect(lab.dataplane.status().repairsTotal).toBe(repairsTotal);
  });

  test('it has the link-local address of its MAC, also where it was set down and told to have none', async () => {
    const own = `inet6 ${linkLocalOf(tunnelMacOf(parseNodeName('alpha')))}/64`;
    expect(await lab.namespace.ip('-6 address show dev vxlan.cord')).toContain(own);
    await lab.namespace.ip('link set vxlan.cord down addrgenmode none');
    await lab.dataplane.resync();
    expect(await lab.namespace.ip('-6 address show dev vxlan.cord')).toContain(own);
    expect(await present()).toEqual(whole);
  });

  test('set down or deleted, it is put right without being asked', async () => {
    for (const words of ['link set vxlan.cord down', 'link del vxlan.cord']) {
      await lab.namespace.ip(words);
      await eventually(async () => expect(await present()).toEqual(whole));
    }
  });

  test('a forwarding that is changed or added by hand is put right', async () => {
    await lab.namespace.exec('bridge', 'fdb', 'replace', MAC, 'dev', 'vxlan.cord', 'dst', '10.99.0.99', 'self');
    const added = ['fdb', 'add', '06:00:00:00:00:01', 'dev', 'vxlan.cord', 'dst', '10.99.0.98', 'self', 'permanent'];
    await lab.namespace.exec('bridge', ...added);
    await lab.dataplane.resync();
    expect(await present()).toEqual(whole);
  });

  test('another address of a node, or of this one, is followed', async () => {
    await putNode('beta', '10.99.0.22');
    await eventually(async () =>
      expect(await present()).toMatchObject({
        forwardings: [{ mac: MAC, remote: '10.99.0.22' }],
        neighbours: [`10.99.0.22 ${MAC}`, `${NEXT_HOP} ${MAC}`],
        routes: ['10.64.1.0/26 10.99.0.22 vxlan.cord', IN_TUNNEL[1]],
      }),
    );
    await putNode('beta', '10.99.0.12');
    await lab.namespace.ip('addr add 10.99.0.111/24 dev eth0');
    await putNode('alpha', '10.99.0.111');
    await eventually(async () =>
      expect(await present()).toEqual({ ...whole, device: 'vxlan.cord 10.99.0.111 1450 true true' }),
    );
    await putNode('alpha', '10.99.0.11');
    await eventually(async () => expect(await present()).toEqual(whole));
    await lab.dataplane.resync();
    expect(await present()).toEqual(whole);
  });

  test('a second start adopts it and writes nothing', async () => {
    lab.stop();
    const monitor = startIn(lab.namespace, 'stdbuf', '-oL', 'ip', 'monitor', 'link', 'route', 'neigh');
    await lab.start();
    await lab.dataplane.resync();
    await lab.namespace.ip('route add 10.65.9.0/26 via 10.99.0.78');
    await eventually(() => expect(monitor.lines).toContainEqual(expect.stringContaining('10.65.9.0/26')));
    monitor.kill();
    expect(monitor.lines.filter((line) => /vxlan|proto 80/.test(line))).toEqual([]);
    expect(await present()).toEqual(whole);
  });

  describe('with tunnel addresses', () => {
    const TUNNEL_IPS = ['10.64.0.63', 'fd80:c0de::3f'];
    const routes = IN_TUNNEL.map((route, index) => `${route} ${TUNNEL_IPS[index]}`);
    const addresses = async () => {
      const read = await lab.kernel.network.tunnelAddresses(vxlanName(4));
      return { addresses: read.map(({ address }) => address).sort((a, b) => (a < b ? -1 : 1)), routes: await via() };
    };
    const all = { addresses: TUNNEL_IPS, routes };

    test('the device has them, and routes into it name them', async () => {
      await putNode('alpha', '10.99.0.11', TUNNEL_IPS);
      await eventually(async () => expect(await addresses()).toEqual(all));
      expect(await lab.namespace.ip('route get 10.64.1.5')).toContain('dev vxlan.cord src 10.64.0.63');
      expect(await lab.namespace.ip('route get fd80:c0de::45')).toContain('src fd80:c0de::3f');
      await lab.dataplane.resync();
      expect(lab.dataplane.status()).toMatchObject({ synced: true, routeProblems: [] });
    });

    test('they are the source of nothing else, and no network that the host is on', async () => {
      const shown = await lab.namespace.ip('address show dev vxlan.cord');
      expect(shown).toContain('inet 10.64.0.63/32 scope link ');
      expect(shown).toMatch(/inet6 fd80:c0de::3f\/128 scope global .*deprecated/);
      const networks = await lab.kernel.network.hostNetworks();
      expect(networks.filter(({ address }) => TUNNEL_IPS.includes(address))).toEqual([]);
    });

    test.each([
      ['address flush dev vxlan.cord scope link', 'address 10.64.0.63 on vxlan.cord: was missing'],
      ['address del fd80:c0de::3f/128 dev vxlan.cord', 'address fd80:c0de::3f on vxlan.cord: was missing'],
      ['address add 10.64.0.62/32 dev vxlan.cord', 'address 10.64.0.62 on vxlan.cord: should not be'],
      ['link set vxlan.cord down', 'vxlan.cord: had another state, MTU or MAC'],
      ['link del vxlan.cord', 'vxlan.cord: was missing'],
      ['route change 10.64.1.0/26 via 10.99.0.12 dev vxlan.cord onlink proto 80 metric 16', '10.64.1.0/26: '],
    ])('damage by hand is put right without being asked: ip %s', async (words, finding) => {
      const told = lab.dataplane.status().repairsTotal;
      await lab.namespace.ip(words);
      if (words.startsWith('route')) await lab.dataplane.resync();
      await eventually(async () => expect(await addresses()).toEqual(all));
      const { repairs, repairsTotal } = lab.dataplane.status();
      expect(repairs.slice(told - repairsTotal).map(({ detail }) => detail)).toContainEqual(
        expect.stringContaining(finding),
      );
      await lab.dataplane.resync();
      expect(lab.dataplane.status().repairsTotal).toBe(repairsTotal);
    });

    test('others take their place without a moment without routes, and a second start writes nothing', async () => {
      const monitor = startIn(lab.namespace, 'stdbuf', '-oL', 'ip', '-o', 'monitor', 'route', 'address');
      const others = ['10.64.0.61', 'fd80:c0de::3d'];
      let gateway = 70;
      await eventually(async () => {
        await lab.namespace.ip(`route replace 10.65.8.0/26 via 10.99.0.${gateway++ % 100}`);
        expect(monitor.lines).toContainEqual(expect.stringContaining('10.65.8.0/26'));
      });
      await putNode('alpha', '10.99.0.11', others);
      const moved = IN_TUNNEL.map((route, index) => `${route} ${others[index]}`);
      await eventually(async () => expect(await addresses()).toEqual({ addresses: others, routes: moved }));
      expect(monitor.lines.filter((line) => /Deleted.*10\.64\.1\.0\/26/.test(line))).toEqual([]);
      lab.stop();
      const before = monitor.lines.length;
      await lab.start();
      await lab.dataplane.resync();
      await lab.namespace.ip('route add 10.65.10.0/26 via 10.99.0.78');
      await eventually(() => expect(monitor.lines).toContainEqual(expect.stringContaining('10.65.10.0/26')));
      expect(monitor.lines.slice(before).filter((line) => /vxlan|proto 80/.test(line))).toEqual([]);
      monitor.kill();
    });

    test('without them it is as before, though the kernel drops much with the last address of a link', async () => {
      const told = lab.dataplane.status().repairsTotal;
      await putNode('alpha', '10.99.0.11');
      await eventually(async () => expect(await addresses()).toEqual({ addresses: [], routes: IN_TUNNEL }));
      await lab.dataplane.resync();
      expect(await present()).toEqual(whole);
      const { repairs, repairsTotal } = lab.dataplane.status();
      const since = repairsTotal === told ? [] : repairs.slice(told - repairsTotal);
      expect(since.filter(({ what }) => what === 'tunnel')).toEqual([]);
    });
  });

  test('only what crosses subnets is encapsulated, if that is wished; and nothing is left when no pool asks', async () => {
    await encapsulate({ kind: 'vxlan', crossSubnet: true });
    await eventually(async () =>
      expect(await via()).toEqual(['10.64.1.0/26 10.99.0.12 eth0', `fd80:c0de::40/122 ${NEXT_HOP} vxlan.cord`]),
    );
    await encapsulate({ kind: 'none' });
    const nothing = { device: undefined, forwardings: [], neighbours: [], routes: [] };
    await eventually(async () => expect(await present()).toEqual(nothing));
  });

  test("another's VXLAN stays beside it; one with our id on our port is told, with what to do, and nothing leads into it", async () => {
    await lab.namespace.ip(`link add overlay type vxlan id 4096 dstport 4789`);
    await lab.namespace.ip('link set overlay up');
    await encapsulate({ kind: 'vxlan', crossSubnet: false });
    await eventually(async () => expect(await present()).toEqual(whole));
    await encapsulate({ kind: 'none' });
    await eventually(async () => expect((await present()).device).toBeUndefined());

    await lab.namespace.ip(`link add same type vxlan id ${VXLAN_ID} dstport 4789`);
    await encapsulate({ kind: 'vxlan', crossSubnet: false });
    await eventually(() =>
      expect(lab.dataplane.status().routeProblems).toEqual([
        { subject: 'vxlan.cord', message: expect.stringContaining('ip -d link show type vxlan') },
      ]),
    );
    expect(await via()).toEqual([]);
    // The kernel tells that it is gone.
    await lab.namespace.ip('link del same');
    await eventually(async () => expect([await present(), lab.dataplane.status().routeProblems]).toEqual([whole, []]));
  });

  test('a program on the port is told', async () => {
    await encapsulate({ kind: 'none' });
    await lab.namespace.ip('link del overlay');
    await eventually(async () => expect((await present()).device).toBeUndefined());
    const taker = startIn(
      lab.namespace,
      process.execPath,
      '-e',
      'require("node:dgram").createSocket("udp4").bind(4789)',
    );
    await eventually(async () => expect(await lab.namespace.exec('ss', '-lun', 'sport = :4789')).toContain('4789'));
    await encapsulate({ kind: 'vxlan', crossSubnet: false });
    await eventually(() =>
      expect(lab.dataplane.status().routeProblems[0]?.message).toContain('UDP port 4789 of this host is taken'),
    );
    taker.kill();
    await taker.ended;
    await lab.dataplane.resync();
    expect(await present()).toEqual(whole);
  });

  test('IPIP is made where the kernel has it; elsewhere it is told, with what to do, and nothing leads into it', async () => {
    const made = await lab.namespace.succeeds('ip', 'link', 'add', 'probe', 'type', 'ipip', 'local', '192.0.2.9');
    if (made) await lab.namespace.ip('link del probe');
    await encapsulate({ kind: 'ipip', crossSubnet: false });
    if (made) {
      await eventually(async () => expect(await via()).toEqual(['10.64.1.0/26 10.99.0.12 ipip.cord']));
    } else {
      await eventually(() =>
        expect(lab.dataplane.status().routeProblems).toContainEqual({
          subject: 'ipip.cord',
          message: expect.stringContaining('modprobe ipip'),
        }),
      );
      await eventually(async () => expect(await via()).toEqual([]));
    }
    await encapsulate({ kind: 'vxlan', crossSubnet: false });
    await eventually(async () => expect(await present()).toEqual(whole));
  });

  test('uninstalling takes it away and leaves others', async () => {
    await lab.namespace.ip(`link add overlay type vxlan id 4096 dstport 4789`);
    lab.stop();
    const { runner, sysctls } = lab.namespace;
    const kernel = await openLinuxKernel({ backend: 'nft', log: silentLogger, runner, sysctls });
    await uninstallDataplane(kernel, lab.formerHostSettings);
    expect([await kernel.network.tunnels(), await kernel.network.ourRoutes()]).toEqual([[], []]);
    expect(await lab.namespace.ip('-br link')).toContain('overlay');
    kernel.close();
  });
});
