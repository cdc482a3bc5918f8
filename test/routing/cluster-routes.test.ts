import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseNodeName } from '../../src/model/ids.js';
import { linkLocalOf } from '../../src/model/mac-address.js';
import { nodeKey } from '../../src/model/node.js';
import { tunnelMacOf, vxlanName } from '../../src/model/tunnel.js';
import { aBlockRecord } from '../builders/blocks.js';
import { hostNetwork, RoutesUnderTest } from '../builders/cluster-routes.js';

let here: RoutesUnderTest;
beforeEach(async () => {
  here = new RoutesUnderTest();
  await here.pool('10.64.0.0/12');
  await here.pool('fd80:c0de::/48');
  await here.node('here', '10.99.1.11', 'fd99:1::11');
  await here.node('near', '10.99.1.12', 'fd99:1::12');
  await here.node('far', '10.99.2.13', 'fd99:2::13');
  await here.start();
});
afterEach(() => here.close());

test('own blocks lead into nothing, those of a node on the same network to it, in both families', async () => {
  await here.block('10.64.0.0/26', 'here');
  await here.block('10.64.1.0/26', 'near');
  await here.block('fd80:c0de::40/122', 'near');
  await here.block('10.64.2.0/26', '');
  expect(here.wanted()).toEqual([
    '10.64.0.0/26 blackhole',
    '10.64.1.0/26 via 10.99.1.12 eth0',
    'fd80:c0de::40/122 via fd99:1::12 eth0',
  ]);
  expect(here.problems()).toEqual([]);
});

test('a borrowed address leads to who holds it, whoever has the block; one that we hold has its own route', async () => {
  await here.node('third', '10.99.1.13');
  await here.block('10.64.0.0/26', 'here', { '10.64.0.5': 'near' });
  await here.block('10.64.1.0/26', 'near', { '10.64.1.6': 'third', '10.64.1.7': 'here' });
  await here.block('10.64.2.0/26', '', { '10.64.2.8': 'near' });
  expect(here.wanted()).toEqual([
    '10.64.0.0/26 blackhole',
    '10.64.0.5/32 via 10.99.1.12 eth0',
    '10.64.1.0/26 via 10.99.1.12 eth0',
    '10.64.1.6/32 via 10.99.1.13 eth0',
    '10.64.2.8/32 via 10.99.1.12 eth0',
  ]);
});

test('a block of one address has no route into nothing beside its endpoint’s own', async () => {
  await here.block('10.64.0.1/32', 'here');
  await here.block('10.64.0.2/32', 'near', { '10.64.0.2': 'here' });
  await here.block('10.64.0.3/32', 'here', { '10.64.0.3': 'near' });
  expect(here.wanted()).toEqual(['10.64.0.3/32 via 10.99.1.12 eth0']);
});

test('routes follow each record, and only what depends on it is told', async () => {
  await here.block('10.64.0.0/26', 'near');
  await here.block('10.64.1.0/26', 'far');
  here.told.length = 0;
  await here.node('near', '10.99.1.99');
  expect(here.wanted()).toEqual(['10.64.0.0/26 via 10.99.1.99 eth0']);
  expect(here.told).toEqual(['10.64.0.0/26']);
  await here.block('10.64.0.0/26', 'here');
  expect(here.wanted()).toEqual(['10.64.0.0/26 blackhole']);
  await here.remove(aBlockRecord('10.64.0.0/26', '').key);
  expect(here.wanted()).toEqual([]);
  expect(here.told).toEqual(['10.64.0.0/26', '10.64.0.0/26', '10.64.0.0/26']);
});

describe('a node without a way to it is told, with what to do', () => {
  test('behind a router', async () => {
    await here.block('10.64.1.0/26', 'far');
    await here.block('10.64.1.64/26', 'far');
    expect(here.wanted()).toEqual([]);
    expect(here.problems()).toEqual([
      'far: there is no route to 10.64.1.0/26 and 1 more of node far: a router stands between this host and its address; encapsulate what crosses it ("corduroy pool set 10.64.0.0-12 --encap vxlan --cross-subnet"), or let the router learn the routes (routeDistribution bgp)',
    ]);
    here.routes.moved([hostNetwork('eth1', '10.99.2.11/24')]);
    expect(here.wanted()).toEqual(['10.64.1.0/26 via 10.99.2.13 eth1', '10.64.1.64/26 via 10.99.2.13 eth1']);
    expect([here.problems(), here.told.slice(-2)]).toEqual([[], ['10.64.1.0/26', '10.64.1.64/26']]);
  });

  test('without an address of the family, or without a record', async () => {
    await here.node('four', '10.99.1.14');
    await here.block('fd80:c0de::40/122', 'four');
    expect(here.problems()).toEqual([expect.stringContaining('nodeIp6 set')]);
    await here.remove(nodeKey(parseNodeName('near')));
    await here.block('10.64.1.0/26', 'near');
    expect(here.problems()[1]).toContain('it has no IPv4 address in its record');
  });

  test('with our own address', async () => {
    await here.node('twin', '10.99.1.11');
    await here.block('10.64.1.0/26', 'twin');
    expect([here.wanted(), here.problems()]).toEqual([
      [],
      [expect.stringContaining('it says that its address is 10.99.1.11, which is this host')],
    ]);
  });
});

test('where others bring the routes, only the own blocks are ours', async () => {
  for (const distribution of ['bgp', 'none'] as const) {
    const other = new RoutesUnderTest(distribution);
    await other.pool('10.64.0.0/12');
    await other.block('10.64.0.0/26', 'here');
    await other.block('10.64.1.0/26', 'near');
    await other.start();
    expect([other.wanted(), other.problems()]).toEqual([['10.64.0.0/26 blackhole'], []]);
    await other.close();
  }
});

describe('pools with encapsulation', () => {
  const MAC = tunnelMacOf(parseNodeName('far'));
  const NEXT_HOP = linkLocalOf(MAC);

  test('lead into tunnels, always or across subnets only, whoever distributes other routes', async () => {
    for (const distribution of ['bgp', 'direct', 'none'] as const) {
      const host = await aHost(distribution);
      await host.pool('10.64.0.0/12', { kind: 'vxlan', crossSubnet: false });
      expect(host.wanted()).toEqual([
        '10.64.1.0/26 via 10.99.1.12 vxlan.cord',
        '10.64.2.0/26 via 10.99.2.13 vxlan.cord',
      ]);
      await host.pool('10.64.0.0/12', { kind: 'vxlan', crossSubnet: true });
      expect(host.wanted()).toEqual(['10.64.1.0/26 via 10.99.1.12 eth0', '10.64.2.0/26 via 10.99.2.13 vxlan.cord']);
      await host.pool('10.64.0.0/12', { kind: 'ipip', crossSubnet: true });
      expect(host.wanted()).toEqual(['10.64.1.0/26 via 10.99.1.12 eth0', '10.64.2.0/26 via 10.99.2.13 ipip.cord']);
      await host.close();
    }
  });

  test('IPv6 goes by the link-local address of the other device, in IPv4 where both nodes have it', async () => {
    const host = await aHost('none');
    await host.pool('fd80:c0de::/48', { kind: 'vxlan', crossSubnet: false });
    await host.block('fd80:c0de::40/122', 'far');
    expect(host.wanted()).toEqual([`fd80:c0de::40/122 via ${NEXT_HOP} vxlan.cord`]);
    expect(host.tunnels()).toEqual({
      devices: ['vxlan.cord 10.99.1.11 mtu 1450'],
      forwardings: [`${MAC} to 10.99.2.13 on vxlan.cord`, expect.stringContaining('to 10.99.1.12 on vxlan.cord')],
      neighbours: expect.arrayContaining([`10.99.2.13 at ${MAC}`, `${NEXT_HOP} at ${MAC}`]),
    });
    await host.node('far', undefined, 'fd99:2::13');
    await host.block('10.64.2.0/26', 'far');
    await host.pool('10.64.0.0/12', { kind: 'vxlan', crossSubnet: false });
    expect(host.wanted()).toContain(`10.64.2.0/26 via ${NEXT_HOP} vxlan6.cord`);
    expect(host.tunnels().devices).toEqual(['vxlan.cord 10.99.1.11 mtu 1450', 'vxlan6.cord fd99:1::11 mtu 1430']);
    await host.close();
  });

  test('routes into them name the tunnel address as source, and nothing else does', async () => {
    const host = await aHost('direct');
    await host.pool('10.64.0.0/12', { kind: 'vxlan', crossSubnet: true });
    await host.pool('fd80:c0de::/48', { kind: 'vxlan', crossSubnet: false });
    await host.block('fd80:c0de::40/122', 'far');
    await host.node('near', '10.99.1.12', 'fd99:1::12', ['10.64.1.63']);
    host.told.length = 0;
    await host.node('here', '10.99.1.11', 'fd99:1::11', ['10.64.0.63', 'fd80:c0de::3f']);
    expect(new Set(host.told)).toEqual(new Set(['10.64.1.0/26', '10.64.2.0/26', 'fd80:c0de::40/122']));
    expect(host.wanted()).toEqual([
      '10.64.1.0/26 via 10.99.1.12 eth0',
      '10.64.2.0/26 via 10.99.2.13 vxlan.cord src 10.64.0.63',
      `fd80:c0de::40/122 via ${NEXT_HOP} vxlan.cord src fd80:c0de::3f`,
    ]);
    expect(host.tunnels()).toMatchObject({ addresses: ['10.64.0.63 on vxlan.cord', 'fd80:c0de::3f on vxlan.cord'] });
    await host.pool('10.64.0.0/12', { kind: 'ipip', crossSubnet: false });
    expect(host.wanted()).toContain('10.64.1.0/26 via 10.99.1.12 ipip.cord src 10.64.0.63');
    expect(host.tunnels()).toMatchObject({
      addresses: ['10.64.0.63 on ipip.cord', '10.64.0.63 on vxlan.cord', 'fd80:c0de::3f on vxlan.cord'],
    });
    // Another node's changes nothing here.
    host.told.length = 0;
    await host.node('near', '10.99.1.12', 'fd99:1::12', ['10.64.1.62']);
    expect(host.told).toEqual([]);
    await host.close();
  });

  test('a device that cannot be made has no route into it', async () => {
    const host = await aHost('none');
    await host.pool('10.64.0.0/12', { kind: 'vxlan', crossSubnet: true });
    host.routes.avoid(new Set([vxlanName(4)]));
    expect(host.wanted()).toEqual(['10.64.1.0/26 via 10.99.1.12 eth0']);
    host.routes.avoid(new Set());
    expect(host.wanted()).toHaveLength(2);
    await host.close();
  });

  test('what stands in the way is told', async () => {
    const host = await aHost('none');
    await host.pool('10.64.0.0/12', { kind: 'vxlan', crossSubnet: false });
    await host.node('near', undefined, undefined);
    expect(host.problems()).toEqual([expect.stringMatching(/^near: .*an address of one family on both nodes/)]);
    await host.node('near', '10.99.1.12');
    await host.node('here', '192.0.2.1');
    expect([host.wanted(), host.tunnels().devices]).toEqual([[], []]);
    expect(host.problems()).toEqual([
      expect.stringMatching(/^near: .*192\.0\.2\.1, which none of this host's links has/),
      expect.stringMatching(/^far: /),
    ]);
    await host.close();
  });

  async function aHost(distribution: 'bgp' | 'direct' | 'none'): Promise<RoutesUnderTest> {
    const host = new RoutesUnderTest(distribution);
    await host.node('here', '10.99.1.11', 'fd99:1::11');
    await host.node('far', '10.99.2.13', 'fd99:2::13');
    await host.node('near', '10.99.1.12', 'fd99:1::12');
    await host.block('10.64.1.0/26', 'near');
    await host.block('10.64.2.0/26', 'far');
    await host.start();
    return host;
  }
});
