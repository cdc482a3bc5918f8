import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { DockerNetwork } from '../../src/effects/docker.js';
import { parseCidr } from '../../src/model/cidr.js';
import { type EndpointId, parseEndpointId } from '../../src/model/ids.js';
import { aDockerNetwork } from '../builders/docker.js';
import { aCluster, ip, type TestCluster, type TestNode } from '../builders/ipam.js';

const MINUTE = 60_000;
const ENDPOINT = 'e'.repeat(64);

let cluster: TestCluster;
let node: TestNode;
let pool: string;

beforeEach(async () => {
  cluster = aCluster();
  node = await cluster.node('alpha');
  await node.ipam.ensureDefaultPools([parseCidr('10.64.0.0/12')]);
  pool = (await node.requestPool({ Pool: '10.64.9.0/24' })).PoolID;
  await node.requestGateway(pool);
});
afterEach(() => cluster.close());

const dockerNetwork = (changes: Partial<DockerNetwork> = {}): DockerNetwork =>
  aDockerNetwork({ subnets: [{ cidr: parseCidr('10.64.9.0/24'), auxiliary: {} }], ...changes });

/** The reconciler looks again. */
function later(): void {
  cluster.clock.advance(10_000);
}

const withEndpoint = (): DockerNetwork =>
  dockerNetwork({
    endpoints: new Map<EndpointId, { containerName: string }>([[parseEndpointId(ENDPOINT), { containerName: 'c' }]]),
  });

describe('an unbound address', () => {
  test('is freed when no endpoint came for it within 10 minutes, with Docker away too', async () => {
    await node.makeNetwork('web', '10.64.9.0/24');
    const address = ip(await node.requestAddress(pool));
    cluster.clock.advance(10 * MINUTE);
    expect(await node.ipam.reclaim.reclaim(undefined)).toEqual({ addresses: [], subnets: [] });
    cluster.clock.advance(1);
    expect(await node.ipam.reclaim.reclaim(undefined)).toEqual({ addresses: [address], subnets: [] });
    expect((await node.ipam.admin.show(address)).is.state).toBe('cooling');
  });

  test('of a bridge network with our addresses stays, since nobody ever binds it', async () => {
    await node.requestAddress(pool);
    cluster.clock.advance(60 * MINUTE);
    expect((await node.ipam.reclaim.reclaim([dockerNetwork({ driver: 'bridge' })])).addresses).toEqual([]);
    expect((await node.ipam.reclaim.reclaim(undefined)).addresses).toEqual([]);
  });

  test('of another node is left to that node', async () => {
    await node.makeNetwork('web', '10.64.9.0/24');
    await node.requestAddress(pool);
    cluster.clock.advance(60 * MINUTE);
    const beta = await cluster.node('beta');
    expect((await beta.ipam.reclaim.reclaim([])).addresses).toEqual([]);
  });
});

describe('a bound address', () => {
  let address: string;

  beforeEach(async () => {
    await node.makeNetwork('web', '10.64.9.0/24');
    address = ip(await node.requestAddress(pool));
    await node.bind(address, ENDPOINT);
    cluster.clock.advance(60 * MINUTE);
  });

  test('is freed when neither the store nor Docker knows its endpoint, seen twice', async () => {
    expect((await node.ipam.reclaim.reclaim([dockerNetwork()])).addresses).toEqual([]);
    cluster.clock.advance(9_999);
    expect((await node.ipam.reclaim.reclaim([dockerNetwork()])).addresses).toEqual([]);
    cluster.clock.advance(1);
    expect((await node.ipam.reclaim.reclaim([dockerNetwork()])).addresses).toEqual([address]);
  });

  test('stays while the store has the endpoint, though Docker has lost it', async () => {
    await node.makeEndpoint('web', ENDPOINT, address);
    for (let look = 0; look < 3; look++) {
      expect((await node.ipam.reclaim.reclaim([dockerNetwork()])).addresses).toEqual([]);
      later();
    }
  });

  test('stays while Docker knows the endpoint, or does not answer', async () => {
    for (const docker of [[withEndpoint()], [withEndpoint()], undefined, undefined]) {
      expect((await node.ipam.reclaim.reclaim(docker)).addresses).toEqual([]);
      later();
    }
  });

  test('is not freed when it was seen so, then not, then so again', async () => {
    for (const docker of [[dockerNetwork()], [withEndpoint()], [dockerNetwork()]]) {
      expect((await node.ipam.reclaim.reclaim(docker)).addresses).toEqual([]);
      later();
    }
  });
});

describe('the subnet of a network that was never finished', () => {
  test('is given up when neither the store nor Docker knows a network with it, seen twice', async () => {
    expect((await node.ipam.reclaim.reclaim([])).subnets).toEqual([]);
    cluster.clock.advance(2 * MINUTE);
    expect((await node.ipam.reclaim.reclaim([])).subnets).toEqual([]);
    later();
    expect((await node.ipam.reclaim.reclaim([])).subnets).toEqual(['10.64.9.0/24']);
    expect(await node.ipam.admin.blocks()).toEqual([]);
    await node.requestPool({ Pool: '10.64.9.0/24' });
  });

  test('stays while Docker has a network with it, or does not answer', async () => {
    cluster.clock.advance(60 * MINUTE);
    for (const docker of [[dockerNetwork()], [dockerNetwork()], undefined, undefined]) {
      expect((await node.ipam.reclaim.reclaim(docker)).subnets).toEqual([]);
      later();
    }
  });
});

test('a look finds the records that cannot be read, and those that can be read again', async () => {
  const keys = ['/corduroy/v1/subnet/10.64.9.0-24', '/corduroy/v1/block/10.64.9.0-24/10.64.9.0-26'];
  const texts = keys.map((key) => cluster.datastore.contents().get(key) ?? '');
  const bad = async (): Promise<string[]> => {
    await node.ipam.reclaim.reclaim([]);
    return node.ipam.admin.badRecords().map(({ key }) => key);
  };
  for (const key of keys) cluster.datastore.put(key, '{"broken":');
  expect(new Set(await bad())).toEqual(new Set(keys));
  for (const [n, key] of keys.entries()) cluster.datastore.put(key, texts[n] ?? '');
  expect(await bad()).toEqual([]);
});
