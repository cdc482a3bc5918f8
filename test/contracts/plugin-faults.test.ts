import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  createEndpoint,
  createEndpointBody,
  createNetwork,
  endpointBody,
  endpointIdOf,
  joinBody,
  networkIdOf,
  publishBody,
  requestAddress,
} from './docker-requests.js';
import { type PluginUnderTest, startPlugin } from './plugin-under-test.js';

const DEADLINE_MS = 200;

let plugin: PluginUnderTest;
beforeEach(async () => {
  plugin = await startPlugin({ deadlineMs: DEADLINE_MS });
});
afterEach(() => plugin.stop());

describe('bad input gets one clear error, and changes nothing', () => {
  const id = 'a'.repeat(64);
  const cases: readonly (readonly [string, string, string, RegExp])[] = [
    ['malformed JSON', 'NetworkDriver.Join', '{"NetworkID":', /body is not JSON/],
    ['a list', 'NetworkDriver.Join', '[]', /NetworkDriver.Join cannot be read.*object/],
    ['null', 'IpamDriver.ReleasePool', 'null', /IpamDriver.ReleasePool cannot be read.*object/],
    ['white space', 'NetworkDriver.Leave', ' \n', /no body/],
    ['a missing field', 'NetworkDriver.Leave', `{"NetworkID":"${id}"}`, /field "EndpointID"/],
    ['a wrong type', 'NetworkDriver.Leave', `{"NetworkID":"${id}","EndpointID":7}`, /field "EndpointID".*string/],
    ['an absurd id', 'NetworkDriver.DeleteNetwork', '{"NetworkID":"../../etc/passwd"}', /not a Docker network id/],
    ['a very long id', 'NetworkDriver.DeleteNetwork', `{"NetworkID":"${'f'.repeat(100_000)}"}`, /64 hex digits/],
    [
      'an address that is none',
      'NetworkDriver.CreateEndpoint',
      `{"NetworkID":"${id}","EndpointID":"${id}","Interface":{"Address":"10.0.0.999/32"}}`,
      /field "Interface.Address".*not a CIDR/,
    ],
    [
      'a multicast MAC',
      'NetworkDriver.CreateEndpoint',
      `{"NetworkID":"${id}","EndpointID":"${id}","Interface":{"MacAddress":"01:00:5e:00:00:01"}}`,
      /^--mac-address: .*multicast.*choose one/,
    ],
    [
      'a number as driver-opt',
      'NetworkDriver.CreateEndpoint',
      `{"NetworkID":"${id}","EndpointID":"${id}","Interface":{},"Options":{"corduroy.tags":7}}`,
      /field "Options.corduroy.tags"/,
    ],
    [
      'a port beyond 65535',
      'NetworkDriver.ProgramExternalConnectivity',
      `{"NetworkID":"${id}","EndpointID":"${id}","Options":{"com.docker.network.portmap":[{"Proto":6,"Port":80,"HostPort":65536}]}}`,
      /HostPort/,
    ],
    [
      'host bits',
      'IpamDriver.RequestPool',
      '{"AddressSpace":"CorduroyLocal","Pool":"10.1.2.3/24","SubPool":"","Options":{},"V6":false}',
      /^--subnet: 10\.1\.2\.3\/24 has host bits set: did you mean 10\.1\.2\.0\/24\?$/,
    ],
    [
      'the other family',
      'IpamDriver.RequestPool',
      '{"AddressSpace":"CorduroyLocal","Pool":"10.1.2.0/24","SubPool":"","Options":{},"V6":true}',
      /^--subnet: 10\.1\.2\.0\/24 is not an IPv6 network; write one of that family/,
    ],
  ];
  test.each(cases)('%s', async (_name, method, text, message) => {
    const before = plugin.datastore.contents();
    const reply = await plugin.post(`/${method}`, text);
    expect(reply.status).toBe(400);
    expect(reply.body).toEqual({ Err: reply.error, Error: reply.error });
    expect(reply.error).toMatch(message);
    expect(reply.error).not.toMatch(/[.\n]$/);
    expect(plugin.datastore.contents()).toEqual(before);
  });

  test('10 MB are refused in words, and the plugin goes on', async () => {
    const reply = await plugin.post('/NetworkDriver.CreateNetwork', `{"NetworkID":"${'f'.repeat(10_000_000)}"}`);
    expect(reply).toMatchObject({ status: 413, error: expect.stringContaining('larger than') });
    expect((await plugin.post('/Plugin.Activate', '')).status).toBe(200);
  });
});

describe('a datastore that fails', () => {
  test('away: each call says so at once, and works when it is back', async () => {
    const web = await createNetwork(plugin, 'web');
    const address = await requestAddress(plugin, web);
    plugin.datastore.goAway();
    const body = createEndpointBody(web, 'a', address);
    expect((await plugin.call('NetworkDriver.CreateEndpoint', body)).error).toMatch(/datastore/);
    plugin.datastore.comeBack();
    expect((await plugin.call('NetworkDriver.CreateEndpoint', body)).error).toBeUndefined();
  });

  test('too slow: the call ends at its deadline, and what came of it later is undone', async () => {
    const web = await createNetwork(plugin, 'web');
    await createEndpoint(plugin, web, 'warm');
    const address = await requestAddress(plugin, web);
    const release = slowDown(plugin);
    const began = performance.now();
    const reply = await plugin.call('NetworkDriver.CreateEndpoint', createEndpointBody(web, 'a', address));
    expect(performance.now() - began).toBeLessThan(DEADLINE_MS * 3);
    expect(reply).toMatchObject({ status: 200, error: expect.stringContaining(`within ${DEADLINE_MS} ms`) });
    release();
    await plugin.idle();
    expect([...plugin.store.endpoints.keys()]).toEqual([endpointIdOf('warm')]);
  });

  test('too slow for CreateNetwork: no network is left', async () => {
    const release = slowDown(plugin);
    const reply = await plugin.call('NetworkDriver.CreateNetwork', {
      NetworkID: networkIdOf('web'),
      Options: {},
      IPv4Data: [{ AddressSpace: 'CorduroyLocal', Pool: '10.64.0.0/24' }],
      IPv6Data: [],
    });
    expect(reply.error).toMatch(/did not end within/);
    release();
    await plugin.idle();
    expect([plugin.store.networks.size, plugin.store.localNetworks.size]).toEqual([0, 0]);
  });
});

test('a kernel that is too slow: Join ends at its deadline without a link', async () => {
  const web = await createNetwork(plugin, 'web');
  await createEndpoint(plugin, web, 'a');
  plugin.dataplane.hold();
  expect((await plugin.call('NetworkDriver.Join', joinBody(web, 'a'))).error).toMatch(/did not end within/);
  plugin.dataplane.release();
  await plugin.idle();
  expect(plugin.dataplane.attached().size).toBe(0);
});

test('a kernel that is too slow: published ports are taken back', async () => {
  const web = await createNetwork(plugin, 'web');
  await createEndpoint(plugin, web, 'a');
  plugin.dataplane.hold();
  const reply = await plugin.call('NetworkDriver.ProgramExternalConnectivity', publishBody(web, 'a', 8080));
  expect(reply.error).toMatch(/did not end within/);
  plugin.dataplane.release();
  await plugin.idle();
  expect(plugin.store.endpoints.get(endpointIdOf('a'))?.value.published).toEqual([]);
  expect(plugin.hostPorts.reserved.size).toBe(0);
});

test('a removal that names an endpoint on another network than its own leaves it as it is, and succeeds', async () => {
  const web = await createNetwork(plugin, 'web');
  const other = await createNetwork(plugin, 'other');
  await createEndpoint(plugin, web, 'a');
  await plugin.call('NetworkDriver.Join', joinBody(web, 'a'));
  await plugin.call('NetworkDriver.ProgramExternalConnectivity', publishBody(web, 'a', 8080));
  const before = plugin.datastore.contents();
  for (const method of ['Leave', 'RevokeExternalConnectivity', 'DeleteEndpoint']) {
    expect((await plugin.call(`NetworkDriver.${method}`, endpointBody(other, 'a'))).error).toBeUndefined();
  }
  expect(plugin.datastore.contents()).toEqual(before);
  expect([plugin.dataplane.attached().size, plugin.hostPorts.reserved.size]).toEqual([1, 1]);
});

test('an error is one line of bounded length, whatever it repeats', async () => {
  const options = { [`colour\n\u001b[31m${'x'.repeat(100_000)}`]: 'red' };
  const reply = await plugin.call('NetworkDriver.CreateNetwork', {
    NetworkID: networkIdOf('web'),
    Options: { 'com.docker.network.generic': options },
    IPv4Data: [{ AddressSpace: 'CorduroyLocal', Pool: '10.64.0.0/24' }],
    IPv6Data: [],
  });
  expect(reply.error).toMatch(/^option "colour \[31mx+" is unknown: with -o there are profiles, mtu.*$/);
  expect(reply.error?.length).toBeLessThan(300);
});

test('the same call twice at once is done once, and succeeds twice', async () => {
  const web = await createNetwork(plugin, 'web');
  const body = createEndpointBody(web, 'a', await requestAddress(plugin, web));
  const replies = await Promise.all([1, 2].map(() => plugin.call('NetworkDriver.CreateEndpoint', body)));
  expect(replies.map(({ error }) => error)).toEqual([undefined, undefined]);
  expect(replies[0]?.body).toEqual(replies[1]?.body);
  const other = { ...body, Interface: { ...body.Interface, MacAddress: '02:42:aa:bb:cc:dd' } };
  expect((await plugin.call('NetworkDriver.CreateEndpoint', other)).error).toMatch(/is there already, made otherwise/);
});

/** Transactions wait until the returned function is called. */
function slowDown({ datastore }: PluginUnderTest): () => void {
  const transact = datastore.transact.bind(datastore);
  let open: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  datastore.transact = async (transaction) => {
    await gate;
    return transact(transaction);
  };
  return () => {
    datastore.transact = transact;
    open();
  };
}
