import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { IpHostRoutes, parseHostRoutes } from '../../../src/infrastructure/linux/ip-host-routes.js';
import { TestNamespace } from '../../netns/test-namespace.js';

let namespace: TestNamespace;

beforeEach(async () => {
  namespace = await TestNamespace.create('hr');
});
afterEach(() => namespace.dispose());

test("the host's networks and routes are told, and neither default routes nor ours nor what BIRD learned", async () => {
  for (const command of [
    'link add eth9 type veth peer name peer9',
    'link set peer9 up',
    'link set eth9 up',
    'address add 192.0.2.7/24 dev eth9',
    'address add 2001:db8::7/64 dev eth9 nodad',
    'link add cord0123456789a type veth peer name ctmp0123456789a',
    'link set ctmp0123456789a up',
    'link set cord0123456789a up',
    'route add default via 192.0.2.1',
    'route add 198.51.100.0/24 via 192.0.2.1',
    'route add unreachable 203.0.113.0/25',
    'route add 198.18.0.9 dev eth9 protocol static',
    'route add 10.64.0.2/32 dev cord0123456789a',
    'route add blackhole 10.64.0.0/26 protocol 80',
    'route add 10.64.0.64/26 via 192.0.2.9 protocol bird',
  ])
    await namespace.ip(command);
  const told = await new IpHostRoutes(namespace.runner).list();
  expect([...told].sort((a, b) => (a.destination < b.destination ? -1 : 1))).toEqual([
    { destination: '192.0.2.0/24', description: 'eth9' },
    { destination: '198.18.0.9/32', description: 'eth9' },
    { destination: '198.51.100.0/24', description: 'via 192.0.2.1 eth9' },
    { destination: '2001:db8::/64', description: 'eth9' },
    { destination: '203.0.113.0/25', description: 'which discards packets' },
  ]);
});

test('output that is not understood is an error, not an empty list', () => {
  expect(() => parseHostRoutes('[{"dst":7}]')).toThrow('is not understood');
  expect(parseHostRoutes('')).toEqual([]);
});
