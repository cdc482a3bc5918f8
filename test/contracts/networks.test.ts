import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { learnNetworkName } from '../../driver/network-name.js';
import { asTold } from '../../driver/network-recipe.js';
import { silentLogger } from '../../src/effects/logger.js';
import { parseCidr } from '../../src/model/cidr.js';
import { EndpointRecord, endpointKey } from '../../src/model/endpoint.js';
import { parseNetworkName, parseNodeName, parseProfileName, parseTagName } from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { type Network, NetworkRecord, NodeNetworkRecord, networkKey, nodeNetworkKey } from '../../src/model/network.js';
import { defaultProfile, ProfileRecord, profileKey } from '../../src/model/profile.js';
import {
  createEndpoint,
  createEndpointBody,
  createNetwork,
  endpointBody,
  endpointIdOf,
  joinBody,
  type MadeNetwork,
  networkIdOf,
  publishBody,
} from './docker-requests.js';
import { type PluginUnderTest, startPlugin } from './plugin-under-test.js';

let plugin: PluginUnderTest;
beforeEach(async () => {
  plugin = await startPlugin();
});
afterEach(() => plugin.stop());

const learn = async (name: string) => {
  const network = await plugin.docker.network(networkIdOf(name));
  if (typeof network !== 'object') throw new Error(`Docker has no network ${name}`);
  return learnNetworkName({ node: plugin.node, store: plugin.store, log: silentLogger }, asTold(network));
};
const networkNames = () => [...plugin.store.networks.keys()];

describe('the name of a network', () => {
  test('is provisional until Docker tells it; then network, profile and mapping take it at once', async () => {
    const web = await createNetwork(plugin, 'web');
    expect(networkNames()).toEqual([`docker-${web.id.slice(0, 12)}`]);
    const transactions = plugin.datastore.transactionCount;
    await learn('web');
    expect(plugin.datastore.transactionCount).toBe(transactions + 1);
    expect(networkNames()).toEqual(['web']);
    expect(plugin.store.profiles.get(parseProfileName('web'))?.value).toEqual(defaultProfile(parseProfileName('web')));
    expect(plugin.store.localNetworks.get(web.id)?.value).toMatchObject({ network: 'web', provisional: false });
    await learn('web');
    expect(plugin.datastore.transactionCount).toBe(transactions + 1);
  });

  test('is asked of Docker by the first endpoint, at the latest', async () => {
    const web = await createNetwork(plugin, 'web');
    expect((await createEndpoint(plugin, web, 'a')).error).toBeUndefined();
    expect(networkNames()).toEqual(['web']);
  });

  test('that Docker does not tell keeps an endpoint from being made without its policy', async () => {
    const web = await createNetwork(plugin, 'web');
    plugin.docker.silence();
    expect((await createEndpoint(plugin, web, 'a')).error).toMatch(/Docker did not tell the name of network/);
    expect(plugin.store.endpoints.size).toBe(0);
    plugin.docker.speak();
    expect((await createEndpoint(plugin, web, 'a')).error).toBeUndefined();
  });

  test('that another node has, with the same subnet, makes the two one; the profile is kept as it is', async () => {
    const profile = { ...defaultProfile(parseProfileName('web')), tags: [parseTagName('mine')] };
    plugin.datastore.put(profileKey(profile.name), ProfileRecord.encode(profile));
    putElsewhere('web', '10.64.0.0/24');
    await createNetwork(plugin, 'web', { subnet: '10.64.0.0/24' });
    await learn('web');
    expect(networkNames()).toEqual(['web']);
    expect(plugin.store.profiles.get(profile.name)?.value).toEqual(profile);
  });

  test('that another node has with other subnets is refused, and every endpoint says so', async () => {
    putElsewhere('web', '10.65.0.0/24');
    const web = await createNetwork(plugin, 'web', { subnet: '10.64.0.0/24' });
    const message = /network web is there already, with subnets 10.65.0.0\/24 where this one has 10.64.0.0\/24/;
    await expect(learn('web')).rejects.toThrow(message);
    expect((await createEndpoint(plugin, web, 'a')).error).toMatch(message);
  });

  test('learned twice at once, or with another writer in between, is learned once', async () => {
    await createNetwork(plugin, 'web');
    plugin.datastore.interfereWithNext({
      kind: 'put',
      key: profileKey(parseProfileName('web')),
      value: ProfileRecord.encode(defaultProfile(parseProfileName('web'))),
    });
    await Promise.all([learn('web'), learn('web')]);
    expect(networkNames()).toEqual(['web']);
  });

  function putElsewhere(name: string, subnet: string): void {
    const network: Network = {
      name: parseNetworkName(name),
      subnets: [{ cidr: parseCidr(subnet) }],
      ipam: 'corduroy',
      internal: false,
      options: { profiles: [], publish: 'allow' },
    };
    const node = parseNodeName('node2');
    const dockerNetworkId = networkIdOf(`${name} of node2`);
    plugin.datastore.write(
      { kind: 'put', key: networkKey(network.name), value: NetworkRecord.encode(network) },
      {
        kind: 'put',
        key: nodeNetworkKey(node, dockerNetworkId),
        value: NodeNetworkRecord.encode({
          node,
          dockerNetworkId,
          network: network.name,
          provisional: false,
          linkLocalGateway: parseIpAddress('169.254.1.1'),
        }),
      },
    );
  }
});

describe('a network that is removed', () => {
  test('takes its untouched profile along', async () => {
    const web = await createNetwork(plugin, 'web');
    await learn('web');
    await plugin.call('NetworkDriver.DeleteNetwork', { NetworkID: web.id });
    expect([networkNames(), [...plugin.store.profiles.keys()]]).toEqual([[], []]);
  });

  test('leaves a profile that was changed, or that an endpoint names', async () => {
    const web = await createNetwork(plugin, 'web');
    const db = await createNetwork(plugin, 'db');
    await learn('web');
    await learn('db');
    const changed = { ...defaultProfile(parseProfileName('db')), tags: [] };
    plugin.datastore.put(profileKey(changed.name), ProfileRecord.encode(changed));
    const other = await createNetwork(plugin, 'other');
    expect((await createEndpoint(plugin, other, 'a', { 'corduroy.profiles': 'WEB' })).error).toBeUndefined();
    await plugin.call('NetworkDriver.DeleteNetwork', { NetworkID: web.id });
    await plugin.call('NetworkDriver.DeleteNetwork', { NetworkID: db.id });
    expect([...plugin.store.profiles.keys()].toSorted()).toEqual(['db', 'other', 'web']);
  });

  test('takes along an endpoint that Docker has forgotten', async () => {
    const web = await createNetwork(plugin, 'web');
    await createEndpoint(plugin, web, 'a');
    await plugin.call('NetworkDriver.Join', joinBody(web, 'a'));
    await plugin.call('NetworkDriver.DeleteNetwork', { NetworkID: web.id });
    expect([plugin.store.endpoints.size, plugin.dataplane.attached().size]).toEqual([0, 0]);
  });
});

describe('docker network create', () => {
  const create = (name: string, data: object, options: object = {}) =>
    plugin.call('NetworkDriver.CreateNetwork', {
      NetworkID: networkIdOf(name),
      Options: { 'com.docker.network.generic': options },
      IPv4Data: [data],
      IPv6Data: [],
    });
  const docker = (subnet: string) => ({ AddressSpace: 'LocalDefault', Pool: subnet, Gateway: subnet });

  test('works without our IPAM driver on one host, but not over a pool of ours, nor over another network', async () => {
    expect((await create('one', docker('172.18.0.0/16'))).error).toBeUndefined();
    expect((await create('two', docker('172.18.4.0/24'))).error).toMatch(/overlaps 172.18.0.0\/16 of network docker-/);
    expect((await create('three', docker('10.64.9.0/24'))).error).toMatch(/overlaps pool .*add --ipam-driver corduroy/);
    expect(plugin.store.networks.size).toBe(1);
  });

  test('works without our IPAM driver, but neither over a route of this host, nor where no container can be', async () => {
    await plugin.stop();
    const route = { destination: parseCidr('172.18.9.0/24'), description: 'eth1' };
    plugin = await startPlugin({ hostRoutes: [route] });
    expect((await create('one', docker('172.18.0.0/16'))).error).toBe(
      "--subnet 172.18.0.0/16 overlaps this host's route to 172.18.9.0/24 (eth1); choose another subnet",
    );
    expect((await create('two', docker('169.254.8.0/24'))).error).toMatch(
      /cannot have addresses of --subnet 169.254.8.0\/24: 169.254.0.0\/16 is link-local.*; choose another/,
    );
    expect(plugin.store.networks.size).toBe(0);
  });

  test('with Docker’s IPAM: the subnet goes by the gateway in two halves, more specific than the link’s', async () => {
    const web = { id: networkIdOf('web'), poolId: '', subnet: '172.18.0.0/16' };
    await create('web', docker(web.subnet));
    plugin.docker.addNetwork({ id: web.id, name: 'web' });
    await plugin.call('NetworkDriver.CreateEndpoint', createEndpointBody(web, 'a', '172.18.0.2/16'));
    const { body } = await plugin.call('NetworkDriver.Join', joinBody(web, 'a'));
    const routes = (body['StaticRoutes'] as { readonly Destination: string }[]).map(({ Destination }) => Destination);
    expect(routes).toEqual([`${body['Gateway']}/32`, '172.18.0.0/17', '172.18.128.0/17']);
  });

  test('on a cluster is refused without our IPAM driver, with the whole command', async () => {
    await plugin.stop();
    plugin = await startPlugin({ datastore: 'etcd' });
    const reply = await create('web', docker('10.9.0.0/24'), { mtu: '1400', profiles: 'a b' });
    expect(reply.error).toMatch(
      /use "docker network create -d corduroy --ipam-driver corduroy --subnet 10.9.0.0\/24 -o mtu=1400 -o 'profiles=a b' NAME"/,
    );
  });

  test('with the subnet of another network of this host is refused', async () => {
    const web = await createNetwork(plugin, 'web', { subnet: '10.64.7.0/24' });
    const data = { AddressSpace: 'CorduroyLocal', Pool: web.subnet };
    expect((await create('twin', data)).error).toMatch(
      /subnet 10.64.7.0\/24 overlaps 10.64.7.0\/24 of network docker-/,
    );
  });

  test('with a profile that does not exist is refused', async () => {
    const data = { AddressSpace: 'CorduroyLocal', Pool: '10.64.0.0/24' };
    expect((await create('web', data, { profiles: 'ghost' })).error).toMatch(/corduroy profile add ghost/);
  });
});

describe('an endpoint', () => {
  test('has the profiles, tags and labels of its driver-opts', async () => {
    const web = await createNetwork(plugin, 'web');
    const db = await createNetwork(plugin, 'DB');
    await learn('web');
    await learn('DB');
    await createEndpoint(plugin, web, 'a', {
      'corduroy.profiles': 'db,web',
      'corduroy.tags': 'db,other',
      'corduroy.labels': 'tier=front,zone=a=b',
      'com.docker.network.endpoint.sysctls': 'net.ipv4.conf.IFNAME.forwarding=1',
    });
    expect(plugin.store.endpoints.get(endpointIdOf('a'))?.value).toMatchObject({
      profiles: ['DB', 'web'],
      tags: ['DB', 'other'],
      labels: { tier: 'front', zone: 'a=b' },
    });
    expect(db.subnet).not.toBe(web.subnet);
  });

  test('with an address of another network is refused', async () => {
    const web = await createNetwork(plugin, 'web');
    const body = createEndpointBody(web, 'a', '192.0.2.7/32');
    expect((await plugin.call('NetworkDriver.CreateEndpoint', body)).error).toMatch(
      /192.0.2.7 does not belong to network web: its subnets are 10\./,
    );
  });

  test('without an address is refused', async () => {
    const web = await createNetwork(plugin, 'web');
    const body = createEndpointBody(web, 'a', '');
    expect((await plugin.call('NetworkDriver.CreateEndpoint', body)).error).toMatch(/the endpoint has no address/);
  });

  test('has the MTU of its network', async () => {
    const web = await createNetwork(plugin, 'web', { options: { mtu: '1400' } });
    await createEndpoint(plugin, web, 'a');
    await plugin.call('NetworkDriver.Join', joinBody(web, 'a'));
    expect(plugin.dataplane.mtuOf(endpointIdOf('a'))).toBe(1_400);
  });
});

describe('published ports', () => {
  const publish = (...request: Parameters<typeof publishBody>) =>
    plugin.call('NetworkDriver.ProgramExternalConnectivity', publishBody(...request));
  const publishedBy = (name: string) => plugin.store.endpoints.get(endpointIdOf(name))?.value.published;

  test('are recorded, reserved and served; and given back on revocation', async () => {
    const web = await createNetwork(plugin, 'web');
    const { address } = await createEndpoint(plugin, web, 'a');
    expect((await publish(web, 'a', 8080)).error).toBeUndefined();
    expect(publishedBy('a')).toEqual([{ protocol: 'tcp', containerPort: 80, hostPort: 8080 }]);
    expect(plugin.hostPorts.served.get(endpointIdOf('a'))).toEqual([
      { protocol: 'tcp', containerPort: 80, hostPort: 8080, addresses: [address.split('/')[0]] },
    ]);
    await plugin.call('NetworkDriver.RevokeExternalConnectivity', endpointBody(web, 'a'));
    expect([publishedBy('a'), plugin.hostPorts.reserved.size]).toEqual([[], 0]);
  });

  test('that another container has are refused, with its name', async () => {
    const web = await createNetwork(plugin, 'web');
    await createEndpoint(plugin, web, 'a');
    await createEndpoint(plugin, web, 'b');
    await publish(web, 'a', 8080);
    const a = plugin.store.endpoints.get(endpointIdOf('a'))?.value;
    if (a === undefined) throw new Error('endpoint a is there');
    const named = { ...a, container: { id: 'f'.repeat(64), name: 'frontend' } };
    plugin.datastore.put(endpointKey(plugin.node, a.id), EndpointRecord.encode(named));
    expect((await publish(web, 'b', 8080)).error).toMatch(/host port 8080\/tcp is taken by container frontend/);
    expect(publishedBy('b')).toEqual([]);
    expect(publishedBy('a')).toHaveLength(1);
  });

  test('move with the container to its new gateway endpoint, if Docker did not revoke them at the old one', async () => {
    const web = await createNetwork(plugin, 'web');
    const app = await createNetwork(plugin, 'app');
    await createEndpoint(plugin, web, 'a');
    await createEndpoint(plugin, app, 'a2');
    await publish(web, 'a', 8080);
    const container = { id: 'f'.repeat(64), name: 'frontend' };
    const a = plugin.store.endpoints.get(endpointIdOf('a'))?.value;
    if (a === undefined) throw new Error('endpoint a is there');
    plugin.datastore.put(endpointKey(plugin.node, a.id), EndpointRecord.encode({ ...a, container }));
    const endpoints = new Map([[endpointIdOf('a2'), { containerName: 'frontend', containerId: container.id }]]);
    plugin.docker.addNetwork({ id: app.id, name: 'app', endpoints });
    expect((await publish(app, 'a2', 8080)).error).toBeUndefined();
    expect([publishedBy('a')?.length, publishedBy('a2')?.length]).toEqual([0, 1]);
  });

  test('that a program of the host listens on are refused; chosen freely, the next is taken', async () => {
    const web = await createNetwork(plugin, 'web');
    await createEndpoint(plugin, web, 'a');
    plugin.hostPorts.listen('tcp/8080', 'nginx');
    plugin.hostPorts.listen('tcp/49153', 'chronyd');
    expect((await publish(web, 'a', 8080)).error).toMatch(
      /host port 8080\/tcp is taken by nginx, a program of the host/,
    );
    expect((await publish(web, 'a', 0)).error).toBeUndefined();
    expect(publishedBy('a')).toEqual([{ protocol: 'tcp', containerPort: 80, hostPort: 49_154 }]);
    await publish(web, 'a', 0);
    expect(publishedBy('a')).toEqual([{ protocol: 'tcp', containerPort: 80, hostPort: 49_154 }]);
  });
});

describe('a container on two networks of one subnet', () => {
  test('is refused by the second, with the remedy; one container on each is not', async () => {
    const [one, two] = [
      await createNetwork(plugin, 'one', { subnet: '10.64.0.0/12' }),
      await createNetwork(plugin, 'two', { subnet: '10.64.0.0/12' }),
    ];
    const joins = async (network: MadeNetwork, name: string, SandboxKey: string) => {
      await createEndpoint(plugin, network, name);
      return (await plugin.call('NetworkDriver.Join', { ...joinBody(network, name), SandboxKey })).error;
    };
    expect(await joins(one, 'a1', '/var/run/docker/netns/a')).toBeUndefined();
    expect(await joins(two, 'b2', '/var/run/docker/netns/b')).toBeUndefined();
    expect(await joins(two, 'a2', '/var/run/docker/netns/a')).toMatch(
      /cannot be on networks one and two at once: both have subnet 10.64.0.0\/12.*--label corduroy.profiles=one,two/,
    );
    await plugin.call('NetworkDriver.Leave', endpointBody(one, 'a1'));
    expect(
      (await plugin.call('NetworkDriver.Join', { ...joinBody(two, 'a2'), SandboxKey: '/var/run/docker/netns/a' }))
        .error,
    ).toBeUndefined();
  });
});
