import { expect, test } from '@jest/globals';
import { localAddresses } from '../../src/composition/local-addresses.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { hostInterfaceOf } from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { anEndpoint } from '../builders/policy-world.js';

const view = (...endpoints: readonly Endpoint[]) => ({
  localEndpoints: new Map(endpoints.map((value) => [value.id, { value, revision: 1 as never }])),
});

test('addresses of this node’s endpoints are behind their links, and no others are', () => {
  const here = anEndpoint(2);
  const local = localAddresses(view(here));
  for (const address of here.addresses) expect(local.hostInterfaceOf(address)).toBe(hostInterfaceOf(here.id));
  for (const address of anEndpoint(3).addresses) expect(local.hostInterfaceOf(address)).toBeUndefined();
});

test('the loopback address is the host’s own, an endpoint’s is not', () => {
  const local = localAddresses(view(anEndpoint(2)));
  expect([local.isHosts(parseIpAddress('127.0.0.1')), local.isHosts(parseIpAddress('10.64.0.2'))]).toEqual([
    true,
    false,
  ]);
});
