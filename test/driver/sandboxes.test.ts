import { expect, test } from '@jest/globals';
import { Sandboxes, sharedSubnetFindings } from '../../driver/sandboxes.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { aNetwork, anEndpoint } from '../builders/policy-world.js';

const container = (name: string) => ({ id: name.repeat(8), name });
const [web, db] = [aNetwork('web', ['10.64.0.0/12']), aNetwork('db', ['10.64.0.0/12', 'fd80::/64'])];
const apart = aNetwork('db', ['10.96.0.0/16']);

function findings(endpoints: readonly Endpoint[], second = db) {
  const networks = new Map(endpoints.map((endpoint, i) => [endpoint.id, i === 0 ? web : second]));
  const store = { networkOf: ({ id }: Endpoint) => networks.get(id) } as never;
  return sharedSubnetFindings({ store }, endpoints);
}

test('a container that is on two networks of one subnet is told, with both names', () => {
  const both = [anEndpoint(2, { container: container('a') }), anEndpoint(3, { container: container('a') })];
  expect(findings(both)).toEqual([
    { kind: 'shared-subnet', subject: 'a', message: expect.stringMatching(/web and db, which both have subnet 10.64/) },
  ]);
});

test('two containers, two subnets, or containers that Docker has not told are no finding', () => {
  const two = [anEndpoint(2, { container: container('a') }), anEndpoint(3, { container: container('b') })];
  const one = [anEndpoint(2, { container: container('a') }), anEndpoint(3, { container: container('a') })];
  expect([findings(two), findings(one, apart), findings([anEndpoint(2), anEndpoint(3)])]).toEqual([[], [], []]);
});

test('endpoints are companions while they are in the same namespace; an unnamed one has none', () => {
  const [a, b, c] = [anEndpoint(2).id, anEndpoint(3).id, anEndpoint(4).id];
  const sandboxes = new Sandboxes();
  sandboxes.enter(a, '/run/netns/x');
  sandboxes.enter(b, '/run/netns/y');
  sandboxes.enter(c, '');
  expect(sandboxes.companionsOf(b, '/run/netns/x')).toEqual([a]);
  expect(sandboxes.companionsOf(a, '/run/netns/x')).toEqual([]);
  expect(sandboxes.companionsOf(a, '')).toEqual([]);
  sandboxes.leave(a);
  expect(sandboxes.companionsOf(b, '/run/netns/x')).toEqual([]);
});
