import { describe, expect, test } from '@jest/globals';
import { parseCidr } from '../../src/model/cidr.js';
import { EndpointRecord, endpointKey } from '../../src/model/endpoint.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { anEndpoint, networkId } from '../builders/docker.js';
import { plan, subnet, useSyncingCluster } from '../builders/syncing-hosts.js';

const { a, b, c, cluster, everywhere } = useSyncingCluster();

describe('a network that a user makes on one host', () => {
  test('is made on every other with all that was said, and once', async () => {
    const full = plan('web', {
      internal: true,
      options: { mtu: '1400' },
      labels: { team: 'blue' },
      subnets: [
        {
          cidr: parseCidr('10.70.0.0/24'),
          gateway: parseIpAddress('10.70.0.254'),
          range: parseCidr('10.70.0.128/25'),
          auxiliary: { nas: parseIpAddress('10.70.0.9') },
        },
      ],
    });
    await a().engine.create(full);
    await cluster().pass();
    expect(await everywhere()).toEqual([['web'], ['web'], ['web']]);
    const { name, internal, options, labels, subnets } = full;
    for (const host of cluster().hosts) {
      expect(await host.engine.find('web')).toMatchObject({ name, internal, options, labels, subnets });
    }
    expect([...c().store.networks.keys()]).toEqual(['web']);
  });

  test('goes from every host when it is removed on any, with its records', async () => {
    await a().engine.create(plan('web'));
    await cluster().pass();
    await c().engine.removeByName('web');
    await cluster().pass();
    expect(await everywhere()).toEqual([[], [], []]);
    expect(a().store.networks.size + a().store.nodeNetworks.size).toBe(0);
  });

  test('that is not for some host is not made there', async () => {
    b().forThisNode = false;
    await a().engine.create(plan('web'));
    await cluster().pass();
    expect(await everywhere()).toEqual([['web'], [], ['web']]);
    expect(b().findings()).toEqual([]);
  });

  test('stays where a container is on it, running or not, says so, and goes afterwards', async () => {
    await a().engine.create(plan('web'));
    await cluster().pass();
    b().engine.run('db', 'web', 'exited');
    await a().engine.removeByName('web');
    await cluster().pass();
    expect(await everywhere()).toEqual([[], ['web'], []]);
    expect(b().findings()).toEqual([
      'network web was removed on a, and goes from this host when no container is on it any more: remove db (exited), or create the network there again',
    ]);
    b().engine.removeContainer('db');
    await cluster().pass();
    expect(await everywhere()).toEqual([[], [], []]);
    expect(b().findings()).toEqual([]);
  });

  test('that is made again while it waits to go, stays', async () => {
    await a().engine.create(plan('web'));
    await cluster().pass();
    b().engine.run('db', 'web');
    await a().engine.removeByName('web');
    await cluster().pass();
    await a().engine.create(plan('web'));
    b().engine.removeContainer('db');
    await cluster().pass();
    expect(await everywhere()).toEqual([['web'], ['web'], ['web']]);
  });

  test('is kept by its containers elsewhere when a prune takes it', async () => {
    await a().engine.create(plan('web'));
    await cluster().pass();
    await a().engine.create(plan('idle', subnet('10.71.0.0/24')));
    await cluster().pass();
    b().engine.run('db', 'web');
    const [local] = [...b().store.localNetworks.values()].filter(({ value }) => value.network === 'web');
    const endpoint = anEndpoint({ node: b().node, dockerNetworkId: local?.value.dockerNetworkId ?? networkId('0') });
    cluster().datastore.put(endpointKey(endpoint.node, endpoint.id), EndpointRecord.encode(endpoint));
    await a().engine.removeByName('web');
    await a().engine.removeByName('idle');
    a().engine.docker.tell({ kind: 'networksPruned' });
    await cluster().pass();
    expect(await everywhere()).toEqual([['web'], ['web'], ['web']]);
    expect(b().findings()).toEqual([]);
  });
});

describe('what stands in the way', () => {
  test("another driver's network of that name is told, and left alone", async () => {
    const id = b().engine.addForeign('web');
    await a().engine.create(plan('web'));
    await cluster().pass();
    expect(b().findings()).toEqual([
      'network web (10.70.0.0/24), which other hosts have, cannot be made here: Docker has a network of that name and of driver bridge; remove that one, and it is made by itself',
    ]);
    await b().engine.remove(id);
    await cluster().pass();
    expect(await everywhere()).toEqual([['web'], ['web'], ['web']]);
    expect(b().findings()).toEqual([]);
  });

  test('an engine that refuses is told in its words, and asked again', async () => {
    const create = b().engine.create.bind(b().engine);
    b().engine.create = () => Promise.reject(new Error('no space left'));
    await a().engine.create(plan('web'));
    await cluster().pass();
    expect(b().findings()).toEqual(['network web, which other hosts have, cannot be made here: no space left']);
    b().engine.create = create;
    await cluster().pass();
    expect(await everywhere()).toEqual([['web'], ['web'], ['web']]);
  });
});

describe('a host that was off', () => {
  test('has what was made, and not what was removed, when it is back', async () => {
    await a().engine.create(plan('old'));
    await cluster().pass();
    await b().halt();
    await a().engine.removeByName('old');
    await a().engine.create(plan('new', subnet('10.72.0.0/24')));
    await cluster().pass();
    expect(await everywhere()).toEqual([['new'], ['old'], ['new']]);
    b().start();
    await cluster().pass();
    expect(await everywhere()).toEqual([['new'], ['new'], ['new']]);
  });

  test('asks when its engine answers again', async () => {
    b().engine.docker.silence();
    b().engine.create = () => Promise.reject(new Error('Docker does not answer'));
    await a().engine.create(plan('web'));
    await cluster().pass();
    Reflect.deleteProperty(b().engine, 'create');
    b().engine.docker.speak();
    await cluster().pass(1, 1);
    expect(await everywhere()).toEqual([['web'], ['web'], ['web']]);
  });
});
