import { request as httpRequest } from 'node:http';
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

let plugin: PluginUnderTest;
beforeEach(async () => {
  plugin = await startPlugin({ deadlineMs: 300 });
});
afterEach(() => plugin.stop());

const HANDSHAKE = {
  '/Plugin.Activate': { Implements: ['NetworkDriver', 'IpamDriver'] },
  '/NetworkDriver.GetCapabilities': { Scope: 'local', ConnectivityScope: 'global', GwAllocChecker: true },
  '/IpamDriver.GetCapabilities': { RequiresMACAddress: false, RequiresRequestReplay: false },
  '/IpamDriver.GetDefaultAddressSpaces': {
    LocalDefaultAddressSpace: 'CorduroyLocal',
    GlobalDefaultAddressSpace: 'CorduroyGlobal',
  },
};

const WITH_ARGUMENTS = [
  ...['RequestPool', 'ReleasePool', 'RequestAddress', 'ReleaseAddress'].map((method) => `IpamDriver.${method}`),
  ...[
    'CreateNetwork',
    'DeleteNetwork',
    'CreateEndpoint',
    'DeleteEndpoint',
    'EndpointOperInfo',
    'Join',
    'Leave',
    'ProgramExternalConnectivity',
    'RevokeExternalConnectivity',
    'AllocateNetwork',
    'FreeNetwork',
    'DiscoverNew',
    'DiscoverDelete',
    'GwAllocCheck',
  ].map((method) => `NetworkDriver.${method}`),
];

describe('the checklist of the plugin protocol', () => {
  test('1: the handshake is answered from constants, with the datastore away', async () => {
    plugin.datastore.goAway();
    for (const [path, reply] of Object.entries(HANDSHAKE)) {
      expect(await plugin.post(path, '')).toEqual({ status: 200, body: reply, error: undefined });
    }
  });

  test('2: a body without content type is read, under an empty host', async () => {
    const status = await new Promise((resolve, reject) => {
      const text = JSON.stringify({ NetworkID: networkIdOf('web'), EndpointID: endpointIdOf('a') });
      const outgoing = httpRequest(
        {
          socketPath: plugin.socketPath,
          path: '/NetworkDriver.EndpointOperInfo',
          method: 'POST',
          headers: { Host: '', 'Content-Length': text.length, 'User-Agent': 'Go-http-client/1.1' },
        },
        (reply) => {
          reply.resume();
          resolve(reply.statusCode);
        },
      );
      outgoing.on('error', reject);
      outgoing.end(text);
    });
    expect(status).toBe(200);
  });

  test.each(WITH_ARGUMENTS)('2: %s with an empty body is an error in words, and changes nothing', async (method) => {
    const before = plugin.datastore.contents();
    const reply = await plugin.post(`/${method}`, '');
    expect(reply.error).toMatch(/no body.*try the command again/);
    expect(plugin.datastore.contents()).toEqual(before);
  });

  test.each(WITH_ARGUMENTS)('3: %s is implemented', async (method) => {
    const reply = await plugin.call(method, {});
    expect(reply.status).not.toBe(404);
    expect(Object.keys(reply.body).length + Number(reply.status === 200)).toBeGreaterThan(0);
  });

  test('3: an unknown method is answered 404 with a text', async () => {
    const reply = await plugin.call('NetworkDriver.Dance', {});
    expect(reply).toMatchObject({
      status: 404,
      error: expect.stringContaining('/NetworkDriver.Dance is not a method of this plugin'),
    });
  });

  test('3: an error takes the field that Docker reads', async () => {
    const poolId = '10.64.0.0/24;;0123456789ab';
    const ipam = await plugin.call('IpamDriver.RequestAddress', { PoolID: poolId, Address: '', Options: null });
    expect(Object.keys(ipam.body)).toEqual(['Error']);
    const network = await plugin.call('NetworkDriver.Join', {
      NetworkID: networkIdOf('web'),
      EndpointID: endpointIdOf('a'),
      SandboxKey: '',
    });
    expect(Object.keys(network.body)).toEqual(['Err']);
    expect([ipam.status, network.status]).toEqual([200, 200]);
  });

  test('3: EndpointOperInfo has a value, even for an endpoint that is unknown', async () => {
    const body = { NetworkID: networkIdOf('web'), EndpointID: endpointIdOf('a') };
    expect((await plugin.call('NetworkDriver.EndpointOperInfo', body)).body).toEqual({ Value: {} });
  });

  test('4: networks and endpoints are records: they outlive the process', async () => {
    const web = await createNetwork(plugin, 'web');
    await createEndpoint(plugin, web, 'a');
    const keys = [...plugin.datastore.contents().keys()];
    expect(keys).toContain(`/corduroy/v1/nodenetwork/node1/${web.id}`);
    expect(keys).toContain(`/corduroy/v1/endpoint/node1/${endpointIdOf('a')}`);
  });

  test('5: a Join that the kernel refuses leaves no link, and a later one succeeds', async () => {
    const web = await createNetwork(plugin, 'web');
    await createEndpoint(plugin, web, 'a');
    plugin.dataplane.refuse('no memory');
    expect((await plugin.call('NetworkDriver.Join', joinBody(web, 'a'))).error).toMatch(/no memory/);
    expect(plugin.dataplane.attached().size).toBe(0);
    plugin.dataplane.accept();
    expect((await plugin.call('NetworkDriver.Join', joinBody(web, 'a'))).error).toBeUndefined();
  });

  test('5: a CreateEndpoint with a wrong option stores nothing', async () => {
    const web = await createNetwork(plugin, 'web');
    const reply = await createEndpoint(plugin, web, 'a', { 'corduroy.profiles': 'ghost' });
    expect(reply.error).toMatch(/profile ghost does not exist: there is none yet|there are web/);
    expect(plugin.store.endpoints.size).toBe(0);
  });

  test('6: DeleteEndpoint undoes everything without a Leave; every removal succeeds twice and on unknown ids', async () => {
    const web = await createNetwork(plugin, 'web');
    const { address } = await createEndpoint(plugin, web, 'a');
    await plugin.call('NetworkDriver.Join', joinBody(web, 'a'));
    await plugin.call('NetworkDriver.ProgramExternalConnectivity', publishBody(web, 'a', 8080));
    for (const _ of [1, 2]) {
      expect((await plugin.call('NetworkDriver.DeleteEndpoint', endpointBody(web, 'a'))).error).toBeUndefined();
      expect(plugin.store.endpoints.size).toBe(0);
      expect(plugin.dataplane.attached().size).toBe(0);
      expect(plugin.hostPorts.reserved.size).toBe(0);
    }
    const bare = address.split('/')[0];
    const removals = [
      ['NetworkDriver.Leave', endpointBody(web, 'unknown')],
      ['NetworkDriver.RevokeExternalConnectivity', endpointBody(web, 'unknown')],
      ['NetworkDriver.DeleteEndpoint', endpointBody(web, 'unknown')],
      ['IpamDriver.ReleaseAddress', { PoolID: web.poolId, Address: bare }],
      ['IpamDriver.ReleasePool', { PoolID: web.poolId }],
      ['NetworkDriver.DeleteNetwork', { NetworkID: web.id }],
      ['NetworkDriver.DeleteNetwork', { NetworkID: networkIdOf('unknown') }],
    ] as const;
    for (const [method, body] of [...removals, ...removals]) {
      expect([method, (await plugin.call(method, body)).error]).toEqual([method, undefined]);
    }
    expect([plugin.store.networks.size, plugin.store.localNetworks.size, plugin.store.profiles.size]).toEqual([
      0, 0, 0,
    ]);
  });

  test('9: the reply to CreateEndpoint sets what the request left empty, and nothing else', async () => {
    const web = await createNetwork(plugin, 'web');
    const ours = await createEndpoint(plugin, web, 'a');
    expect(ours.body).toEqual({ Interface: { MacAddress: expect.stringMatching(/^02(:[0-9a-f]{2}){5}$/) } });
    const body = createEndpointBody(web, 'b', await requestAddress(plugin, web));
    const theirs = await plugin.call('NetworkDriver.CreateEndpoint', {
      ...body,
      Interface: { ...body.Interface, MacAddress: '02:42:aa:bb:cc:dd' },
    });
    expect(theirs.body).toEqual({});
    expect(plugin.store.endpoints.get(endpointIdOf('b'))?.value.mac).toBe('02:42:aa:bb:cc:dd');
  });

  test('10: each network has a link-local gateway of its own, and a route to its subnet by it', async () => {
    const gateways = new Set<unknown>();
    for (const name of ['web', 'db', 'cache']) {
      const network = await createNetwork(plugin, name);
      await createEndpoint(plugin, network, name);
      const { body } = await plugin.call('NetworkDriver.Join', joinBody(network, name));
      gateways.add(body['Gateway']);
      expect(body['StaticRoutes']).toEqual([
        { Destination: `${body['Gateway']}/32`, RouteType: 1, NextHop: '' },
        { Destination: network.subnet, RouteType: 0, NextHop: body['Gateway'] },
      ]);
    }
    expect(gateways.size).toBe(3);
  });

  test('11: an endpoint without an IPv6 address gets no IPv6 gateway', async () => {
    const web = await createNetwork(plugin, 'web');
    await createEndpoint(plugin, web, 'a');
    expect((await plugin.call('NetworkDriver.Join', joinBody(web, 'a'))).body['GatewayIPv6']).toBe('');
  });

  test('12: an internal network has no gateway, and no bridge in its stead', async () => {
    const web = await createNetwork(plugin, 'web', { internal: true });
    await createEndpoint(plugin, web, 'a');
    const { body } = await plugin.call('NetworkDriver.Join', joinBody(web, 'a'));
    expect(body).toMatchObject({ Gateway: '', GatewayIPv6: '', DisableGatewayService: true });
  });

  test('14: a roll-back that overtakes the call it rolls back waits for it, and leaves nothing', async () => {
    const web = await createNetwork(plugin, 'web');
    await createEndpoint(plugin, web, 'a');
    plugin.dataplane.hold();
    const join = plugin.call('NetworkDriver.Join', joinBody(web, 'a'));
    const removal = plugin.call('NetworkDriver.DeleteEndpoint', endpointBody(web, 'a'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    plugin.dataplane.release();
    await Promise.all([join, removal]);
    expect(plugin.dataplane.attached().size).toBe(0);
    expect(plugin.store.endpoints.size).toBe(0);
  });

  test('14: twenty containers at once on two networks, each with an address of its own', async () => {
    const networks = [await createNetwork(plugin, 'web'), await createNetwork(plugin, 'db')] as const;
    const names = Array.from({ length: 20 }, (_, index) => `c${index}`);
    const started = await Promise.all(
      names.map(async (name, index) => {
        const network = networks[index % 2 === 0 ? 0 : 1];
        const { address, error } = await createEndpoint(plugin, network, name);
        const joined = await plugin.call('NetworkDriver.Join', joinBody(network, name));
        return { address, errors: [error, joined.error] };
      }),
    );
    expect(started.flatMap(({ errors }) => errors).filter((error) => error !== undefined)).toEqual([]);
    expect(new Set(started.map(({ address }) => address)).size).toBe(20);
    expect(plugin.dataplane.attached().size).toBe(20);
  });
});
