import { expect, test } from '@jest/globals';
import { joinReply } from '../../driver/join-reply.js';
import { type Cidr, parseCidr } from '../../src/model/cidr.js';
import { containerInterfaceOf, parseDockerNetworkId, parseEndpointId, parseNetworkName } from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { hostSideLinkLocalOf } from '../../src/model/mac-address.js';
import type { Network } from '../../src/model/network.js';

const dualStack: Network = {
  name: parseNetworkName('web'),
  subnets: [{ cidr: parseCidr('10.64.0.0/24') }, { cidr: parseCidr('fd80:c0de::/64') }],
  ipam: 'corduroy',
  internal: false,
  options: { profiles: [], publish: 'allow' },
};
const reply = (network: Network, addresses: readonly string[], sharedSubnets: readonly Cidr[] = []) =>
  joinReply({
    containerInterface: containerInterfaceOf(parseEndpointId('0123456789ab'.padEnd(64, '0'))),
    endpoint: { addresses: addresses.map(parseIpAddress), dockerNetworkId },
    network,
    gateway: parseIpAddress('169.254.7.9'),
    sharedSubnets: new Set(sharedSubnets),
  });
const dockerNetworkId = parseDockerNetworkId('a'.repeat(64));
const gateway6 = hostSideLinkLocalOf(dockerNetworkId);
const link6 = { Destination: `${gateway6}/128`, RouteType: 1, NextHop: '' };
const link = { Destination: '169.254.7.9/32', RouteType: 1, NextHop: '' };
const route4 = { Destination: '10.64.0.0/24', RouteType: 0, NextHop: '169.254.7.9' };
const route6 = { Destination: 'fd80:c0de::/64', RouteType: 0, NextHop: gateway6 };

test('both families: an off-link gateway with its link route, and a route to each of the network’s subnets', () => {
  expect(reply(dualStack, ['10.64.0.7', 'fd80:c0de::7'])).toEqual({
    InterfaceName: { SrcName: 'ctmp0123456789a', DstPrefix: 'eth' },
    Gateway: '169.254.7.9',
    GatewayIPv6: gateway6,
    StaticRoutes: [link, link6, route4, route6],
    DisableGatewayService: true,
  });
});

test('nothing of a family that the endpoint has no address of', () => {
  expect(reply(dualStack, ['10.64.0.7'])).toMatchObject({ GatewayIPv6: '', StaticRoutes: [link, route4] });
  expect(reply(dualStack, ['fd80:c0de::7'])).toMatchObject({ Gateway: '', StaticRoutes: [link6, route6] });
});

test('an internal network: its own subnets, and no way further', () => {
  expect(reply({ ...dualStack, internal: true }, ['10.64.0.7', 'fd80:c0de::7'])).toMatchObject({
    Gateway: '',
    GatewayIPv6: '',
    StaticRoutes: [link, link6, route4, route6],
    DisableGatewayService: true,
  });
});

test('no route to a subnet that another network of the node has as well: the kernel would refuse the second', () => {
  expect(reply(dualStack, ['10.64.0.7'], [parseCidr('10.64.0.0/24')]).StaticRoutes).toEqual([link]);
});

test('with Docker’s IPAM, two halves that are more specific than the route on the link', () => {
  const { StaticRoutes } = reply({ ...dualStack, ipam: 'docker' }, ['10.64.0.7', 'fd80:c0de::7']);
  expect(StaticRoutes.map(({ Destination }) => Destination)).toEqual([
    '169.254.7.9/32',
    `${gateway6}/128`,
    '10.64.0.0/25',
    '10.64.0.128/25',
    'fd80:c0de::/65',
    'fd80:c0de:0:0:8000::/65',
  ]);
});
