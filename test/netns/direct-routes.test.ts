import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseNodeName } from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { type Node, NodeRecord, nodeKey } from '../../src/model/node.js';
import { eventually } from '../contracts/eventually.js';
import { DataplaneLab } from './dataplane-lab.js';
import { netnsUnavailable, startIn } from './test-namespace.js';

const unavailable = netnsUnavailable();
if (unavailable !== undefined) console.warn(`skipped: ${unavailable}`);

const aNode = (name: string, ip: string, ip6: string): Node => ({
  name: parseNodeName(name),
  ip: parseIpAddress(ip),
  ip6: parseIpAddress(ip6),
  labels: {},
  version: '1',
  startedAt: '2026-01-01T00:00:00.000Z',
});

(unavailable === undefined ? describe : describe.skip)('direct routes to other nodes in the kernel', () => {
  let lab: DataplaneLab;
  const putNode = (node: Node) => lab.write([{ kind: 'put', key: nodeKey(node.name), value: NodeRecord.encode(node) }]);
  const via = async () =>
    (await lab.kernel.network.ourRoutes())
      .flatMap((route) =>
        route.kind === 'via' ? [`${route.destination} ${route.gateway} ${route.interfaceName}`] : [],
      )
      .sort((a, b) => (a < b ? -1 : 1));
  const repairs = () => lab.dataplane.status().repairs.map(({ detail }) => detail);

  beforeAll(async () => {
    lab = await DataplaneLab.create('nft', { distribution: 'direct' });
    await lab.namespace.ip('link add eth0 type veth peer name wire');
    await lab.namespace.ip('link set wire up');
    await lab.namespace.ip('addr add 10.99.0.11/24 dev eth0');
    await lab.namespace.ip('addr add fd99::11/64 dev eth0 nodad');
    await lab.namespace.ip('link set eth0 up');
    await putNode(aNode('beta', '10.99.0.12', 'fd99::12'));
    await lab.putBlock('10.64.1.0/26', 'beta');
    await lab.start();
  });
  afterAll(() => lab.dispose());

  test('follow blocks, borrowed addresses and node addresses, in place and in both families', async () => {
    expect(await via()).toEqual(['10.64.1.0/26 10.99.0.12 eth0']);
    await lab.putBlock('fd80:c0de::40/122', 'beta');
    await lab.putBlock('10.64.0.0/26', 'alpha', { '10.64.0.5': 'beta' });
    await eventually(async () =>
      expect(await via()).toEqual([
        '10.64.0.5/32 10.99.0.12 eth0',
        '10.64.1.0/26 10.99.0.12 eth0',
        'fd80:c0de::40/122 fd99::12 eth0',
      ]),
    );
    await putNode(aNode('beta', '10.99.0.22', 'fd99::22'));
    await eventually(async () =>
      expect(await via()).toEqual([
        '10.64.0.5/32 10.99.0.22 eth0',
        '10.64.1.0/26 10.99.0.22 eth0',
        'fd80:c0de::40/122 fd99::22 eth0',
      ]),
    );
    await lab.putBlock('10.64.0.0/26', 'beta');
    await eventually(async () =>
      expect((await via()).slice(0, 2)).toEqual(['10.64.0.0/26 10.99.0.22 eth0', '10.64.1.0/26 10.99.0.22 eth0']),
    );
    await lab.putBlock('10.64.0.0/26', 'alpha');
    await eventually(async () =>
      expect((await lab.kernel.network.ourRoutes()).map((route) => `${route.destination} ${route.kind}`)).toContain(
        '10.64.0.0/26 blackhole',
      ),
    );
    await lab.removeBlock('10.64.0.0/26');
    await lab.dataplane.resync();
    expect([await via(), repairs()]).toEqual([['10.64.1.0/26 10.99.0.22 eth0', 'fd80:c0de::40/122 fd99::22 eth0'], []]);
  });

  test('damage by hand is repaired and told; a route that somebody wrote to the same block stays', async () => {
    await lab.namespace.ip('route add 10.64.1.0/26 via 10.99.0.77 proto static');
    await lab.namespace.ip('route del 10.64.1.0/26 proto 80');
    await lab.namespace.ip('-6 route replace fd80:c0de::40/122 via fd99::77 dev eth0 metric 16 proto 80');
    await lab.namespace.ip('route add 10.64.9.0/26 via 10.99.0.78 metric 16 proto 80');
    await lab.dataplane.resync();
    expect(await via()).toEqual(['10.64.1.0/26 10.99.0.22 eth0', 'fd80:c0de::40/122 fd99::22 eth0']);
    expect(repairs()).toEqual(
      expect.arrayContaining([
        '10.64.1.0/26: was missing',
        'fd80:c0de::40/122: was missing',
        '10.64.9.0/26: should not be',
      ]),
    );
    expect(await lab.namespace.ip('route show proto static')).toContain('10.64.1.0/26 via 10.99.0.77');
    await lab.namespace.ip('route del 10.64.1.0/26 proto static');
  });

  test('a link that goes down takes them along, which is told as no way; they are back with it', async () => {
    const before = lab.dataplane.status().repairsTotal;
    await lab.namespace.ip('link set eth0 down');
    await eventually(() =>
      expect(lab.dataplane.status()).toMatchObject({ synced: true, routeProblems: [{ subject: 'beta' }] }),
    );
    await lab.namespace.ip('addr add fd99::11/64 dev eth0 nodad');
    await lab.namespace.ip('link set eth0 up');
    await eventually(async () => expect((await via())[0]).toBe('10.64.1.0/26 10.99.0.22 eth0'));
    await lab.dataplane.resync();
    expect([lab.dataplane.status().routeProblems, lab.dataplane.status().repairsTotal]).toEqual([[], before]);
  });

  test('a second start adopts them and writes nothing', async () => {
    lab.stop();
    const monitor = startIn(lab.namespace, 'stdbuf', '-oL', 'ip', 'monitor', 'route');
    await lab.start();
    await lab.dataplane.resync();
    await lab.namespace.ip('route add 10.64.9.0/26 via 10.99.0.78');
    await eventually(() => expect(monitor.lines).toContainEqual(expect.stringContaining('10.64.9.0/26')));
    monitor.kill();
    const written = monitor.lines.filter((line) => line.includes('proto 80'));
    expect([await via(), repairs(), written]).toEqual([
      ['10.64.1.0/26 10.99.0.22 eth0', 'fd80:c0de::40/122 fd99::22 eth0'],
      [],
      [],
    ]);
  });
});
