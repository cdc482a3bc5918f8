import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseCidr } from '../../src/model/cidr.js';
import { aCluster, ip, type TestCluster, type TestNode } from '../builders/ipam.js';

let cluster: TestCluster;
let node: TestNode;

beforeEach(async () => {
  cluster = aCluster();
  node = await cluster.node('alpha');
  await node.ipam.ensureDefaultPools([parseCidr('10.64.0.0/12'), parseCidr('fd80:c0de::/48')]);
});
afterEach(() => cluster.close());

async function take(on: TestNode, poolId: string, count: number): Promise<string[]> {
  const addresses: string[] = [];
  for (let n = 0; n < count; n++) addresses.push(await on.requestAddress(poolId));
  return addresses;
}

describe('a network without a subnet of its own', () => {
  test('gets the first subnet of the first pool, a gateway with the subnet mask, and addresses from .2 on', async () => {
    const { PoolID, Pool } = await node.requestPool();
    expect(Pool).toBe('10.64.0.0/24');
    expect(await node.requestGateway(PoolID)).toBe('10.64.0.1/24');
    expect(await take(node, PoolID, 3)).toEqual(['10.64.0.2/32', '10.64.0.3/32', '10.64.0.4/32']);
  });

  test('gets an IPv6 one in the same way', async () => {
    const { PoolID, Pool } = await node.requestPool({ V6: true });
    expect(Pool).toBe('fd80:c0de::/64');
    expect(await node.requestGateway(PoolID)).toBe('fd80:c0de::1/64');
    expect(await take(node, PoolID, 2)).toEqual(['fd80:c0de::2/128', 'fd80:c0de::3/128']);
  });
});

test('a block that is full is followed by the next one, until the subnet is full, and the error has the numbers', async () => {
  const { PoolID } = await node.requestPool({ Pool: '10.64.9.0/25' });
  await node.requestGateway(PoolID);
  const addresses = await take(node, PoolID, 126);
  expect(new Set(addresses).size).toBe(126);
  expect(addresses.at(-1)).toBe('10.64.9.127/32');
  await expect(node.requestAddress(PoolID)).rejects.toThrow(
    'no address is free in 10.64.9.0/25: of 128, 126 are assigned, 0 cool down after their release and 1 are reserved, and 1 not for containers; remove containers, or make a network with a larger --subnet',
  );
});

test('a freed address is used again only after all others, and when its cool-down is over', async () => {
  const { PoolID } = await node.requestPool({ Pool: '10.64.9.0/29' });
  await node.requestGateway(PoolID);
  const [first] = await take(node, PoolID, 3);
  await node.releaseAddress(PoolID, ip(first ?? ''));
  expect(await take(node, PoolID, 3)).toEqual(['10.64.9.5/32', '10.64.9.6/32', '10.64.9.7/32']);
  cluster.clock.advance(30_000);
  expect(await node.requestAddress(PoolID)).toBe('10.64.9.2/32');
});

test('another block is claimed rather than an address used before its time', async () => {
  const { PoolID } = await node.requestPool({ Pool: '10.64.9.0/25' });
  await node.requestGateway(PoolID);
  await take(node, PoolID, 62);
  await node.releaseAddress(PoolID, '10.64.9.7');
  cluster.clock.advance(29_999);
  expect(await node.requestAddress(PoolID)).toBe('10.64.9.64/32');
  await take(node, PoolID, 63);
  cluster.clock.advance(1);
  expect(await node.requestAddress(PoolID)).toBe('10.64.9.7/32');
});

test('when nothing else is free, the longest freed quiet address is used before its time', async () => {
  const { PoolID } = await node.requestPool({ Pool: '10.64.9.0/29' });
  await node.requestGateway(PoolID);
  await take(node, PoolID, 6);
  node.busy.add('10.64.9.3');
  for (const address of ['10.64.9.3', '10.64.9.4', '10.64.9.5']) {
    await node.releaseAddress(PoolID, address);
    cluster.clock.advance(1_000);
  }
  expect(await take(node, PoolID, 2)).toEqual(['10.64.9.4/32', '10.64.9.5/32']);
});

test('an address that the kernel still knows is never given, however long it has cooled', async () => {
  const { PoolID } = await node.requestPool({ Pool: '10.64.9.0/30' });
  await node.requestGateway(PoolID);
  await take(node, PoolID, 2);
  node.busy.add('10.64.9.2');
  await node.releaseAddress(PoolID, '10.64.9.2');
  cluster.clock.advance(3_600_000);
  const early = node.requestAddress(PoolID);
  while (cluster.clock.sleeping === 0) await Promise.resolve();
  cluster.clock.advance(1_000);
  await expect(early).rejects.toThrow('1 cool down after their release');

  const waiting = node.requestAddress(PoolID);
  while (cluster.clock.sleeping === 0) await Promise.resolve();
  node.calm('10.64.9.2');
  expect(await waiting).toBe('10.64.9.2/32');
});

describe('an address asked for by name', () => {
  test('is given wherever it is in the subnet, the first one too', async () => {
    const { PoolID } = await node.requestPool({ Pool: '10.64.9.0/24' });
    await node.makeNetwork('web', '10.64.9.0/24');
    expect(await node.requestAddress(PoolID, '10.64.9.200')).toBe('10.64.9.200/32');
    expect(await node.requestAddress(PoolID, '10.64.9.0')).toBe('10.64.9.0/32');
  });

  test('is refused with its holder if it is taken', async () => {
    const { PoolID } = await node.requestPool({ Pool: '10.64.9.0/24' });
    await node.requestGateway(PoolID, '10.64.9.254');
    await node.requestAddress(PoolID, '10.64.9.7');
    await node.makeNetwork('web', '10.64.9.0/24');
    await node.requestAddress(PoolID, '10.64.9.9');
    await node.bind('10.64.9.9', 'endpoint-nine');
    await expect(node.requestAddress(PoolID, '10.64.9.254')).rejects.toThrow("it is the network's gateway");
    await expect(node.requestAddress(PoolID, '10.64.9.7')).rejects.toThrow('it is reserved with --aux-address');
    await expect(node.requestAddress(PoolID, '10.64.9.9')).rejects.toThrow(
      'held by endpoint endpoint-nin on node alpha',
    );
    await expect(node.requestAddress(PoolID, '10.64.8.9')).rejects.toThrow(
      "is not in the network's subnet 10.64.9.0/24",
    );
  });

  test('is refused with the name of the container that has it', async () => {
    const { PoolID } = await node.requestPool({ Pool: '10.64.9.0/24' });
    await node.makeNetwork('web', '10.64.9.0/24');
    await node.requestAddress(PoolID, '10.64.9.9');
    await node.bind('10.64.9.9', 'e'.repeat(64));
    await node.makeEndpoint('web', 'e'.repeat(64), '10.64.9.9');
    await expect(node.requestAddress(PoolID, '10.64.9.9')).rejects.toThrow('(container front); choose another address');
  });

  test('is given again at once when its container restarts and the kernel has forgotten it', async () => {
    const { PoolID } = await node.requestPool({ Pool: '10.64.9.0/24' });
    await node.makeNetwork('web', '10.64.9.0/24');
    await node.requestAddress(PoolID, '10.64.9.7');
    await node.releaseAddress(PoolID, '10.64.9.7');
    expect(await node.requestAddress(PoolID, '10.64.9.7')).toBe('10.64.9.7/32');
  });
});

test('--ip-range limits what is chosen, and the gateway stays where it is', async () => {
  const { PoolID } = await node.requestPool({ Pool: '10.64.9.0/24', SubPool: '10.64.9.128/30' });
  expect(await node.requestGateway(PoolID)).toBe('10.64.9.1/24');
  expect(await take(node, PoolID, 4)).toEqual(['10.64.9.128/32', '10.64.9.129/32', '10.64.9.130/32', '10.64.9.131/32']);
  await expect(node.requestAddress(PoolID)).rejects.toThrow(
    'no address is free in 10.64.9.128/30: of 4, 4 are assigned',
  );
});

describe('bind and unbind', () => {
  test('an address goes from unbound to bound and back, and is freed by Docker alone', async () => {
    const { PoolID } = await node.requestPool({ Pool: '10.64.9.0/30' });
    await node.requestGateway(PoolID);
    await take(node, PoolID, 2);
    await node.bind('10.64.9.2', 'one');
    await node.bind('10.64.9.2', 'one');
    await expect(node.bind('10.64.9.2', 'two')).rejects.toThrow('held by endpoint one');
    await node.unbind('10.64.9.2', 'two');
    await node.unbind('10.64.9.2', 'one');
    await node.unbind('10.64.9.2', 'one');
    await expect(node.requestAddress(PoolID)).rejects.toThrow('2 are assigned');
    await node.releaseAddress(PoolID, '10.64.9.2');
    expect(await node.requestAddress(PoolID)).toBe('10.64.9.2/32');
  });

  test('an address that Docker gives back before its endpoint is gone is freed with the endpoint', async () => {
    const { PoolID } = await node.requestPool({ Pool: '10.64.9.0/30' });
    await node.requestGateway(PoolID);
    await take(node, PoolID, 2);
    await node.bind('10.64.9.2', 'one');
    await node.releaseAddress(PoolID, '10.64.9.2');
    await expect(node.requestAddress(PoolID)).rejects.toThrow('2 are assigned');
    await node.unbind('10.64.9.2', 'one');
    expect(await node.requestAddress(PoolID)).toBe('10.64.9.2/32');
  });

  test('an address that was never requested is not found', async () => {
    await expect(node.bind('10.64.9.2', 'one')).rejects.toThrow('10.64.9.2 is not assigned');
  });
});

describe('releasing', () => {
  test.each([
    ['an address that is not assigned', '10.64.9.77'],
    ['an address of another subnet', '10.1.2.3'],
    ["Docker's word for no gateway", '0.0.0.0'],
  ])('%s changes nothing and succeeds', async (_name, address) => {
    const { PoolID } = await node.requestPool({ Pool: '10.64.9.0/24' });
    const before = cluster.datastore.contents();
    await node.releaseAddress(PoolID, address);
    expect(cluster.datastore.contents()).toEqual(before);
  });

  test('with a pool id that nobody gave succeeds', async () => {
    await node.releaseAddress('nonsense', '10.64.9.2');
    await node.releasePool('nonsense');
    await node.releasePool('10.64.9.0/24;;0123456789ab');
  });
});
