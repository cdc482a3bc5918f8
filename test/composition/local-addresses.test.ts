import { expect, test } from '@jest/globals';
import { localAddresses } from '../../src/composition/local-addresses.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { hostInterfaceOf, parseNodeName } from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { THIS_NODE } from '../builders/clusters.js';
import { anEndpoint } from '../builders/policy-world.js';

const view = (...endpoints: readonly Endpoint[]) => ({
  endpoints: new Map(endpoints.map((value) => [value.id, { value, revision: 1 as never }])),
});

test('addresses of this node’s endpoints are behind their links, and no others are', () => {
  const [here, there] = [anEndpoint(2), anEndpoint(3, { node: parseNodeName('there') })];
  const local = localAddresses(view(here, there), THIS_NODE);
  for (const address of here.addresses) expect(local.hostInterfaceOf(address)).toBe(hostInterfaceOf(here.id));
  for (const address of there.addresses) expect(local.hostInterfaceOf(address)).toBeUndefined();
});

test('the loopback address is the host’s own, an endpoint’s is not', () => {
  const local = localAddresses(view(anEndpoint(2)), THIS_NODE);
  expect([local.isHosts(parseIpAddress('127.0.0.1')), local.isHosts(parseIpAddress('10.64.0.2'))]).toEqual([
    true,
    false,
  ]);
});
