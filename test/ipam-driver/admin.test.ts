import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Cidr, parseCidr } from '../../src/model/cidr.js';
import { parseEndpointId } from '../../src/model/ids.js';
import { aCluster, ip, type TestCluster, type TestNode } from '../builders/ipam.js';

const ENDPOINT = parseEndpointId('e'.repeat(64));

let cluster: TestCluster;
let node: TestNode;

beforeEach(async () => {
  cluster = aCluster();
  node = await cluster.node('alpha');
  await node.ipam.admin.addPools([{ cidr: parseCidr('10.64.0.0/12'), name: 'main' }]);
});
afterEach(() => cluster.close());

const cidrs = (pools: readonly { readonly cidr: Cidr }[]): string[] => pools.map(({ cidr }) => cidr);

async function aNetwork(): Promise<string> {
  const { PoolID } = await node.requestPool({ Pool: '10.64.9.0/24' });
  await node.requestGateway(PoolID);
  await node.makeNetwork('web', '10.64.9.0/24');
  return PoolID;
}

const anEndpoint = (address: string): Promise<void> => node.makeEndpoint('web', ENDPOINT, address);

describe('pools', () => {
  test.each([
    ['the same CIDR', { cidr: parseCidr('10.64.0.0/12') }, 'pool 10.64.0.0/12 exists already, with name main'],
    ['a part of one', { cidr: parseCidr('10.65.0.0/16') }, 'overlaps pool 10.64.0.0/12'],
    ['a CIDR around one', { cidr: parseCidr('10.0.0.0/8') }, 'overlaps pool 10.64.0.0/12'],
    [
      'a name that is taken',
      { cidr: parseCidr('10.200.0.0/16'), name: 'main' },
      'the name main belongs to pool 10.64.0.0/12',
    ],
    ['blocks larger than it', { cidr: parseCidr('10.200.0.0/24'), blockSize: 22 }, 'from 24 to 32'],
    ['blocks of more than 4096 addresses', { cidr: parseCidr('10.200.0.0/16'), blockSize: 19 }, 'from 20 to 32'],
    ['networks larger than it', { cidr: parseCidr('10.200.0.0/24'), networkPrefix: 20 }, 'from 24 to 31'],
    ['one address', { cidr: parseCidr('10.200.0.1/32') }, 'cannot be a pool: it has one address'],
    ['a name with a slash', { cidr: parseCidr('10.200.0.0/24'), name: 'a/b' }, 'is not a pool name'],
  ])('%s: refused, and none of the others is added', async (_name, pool, message) => {
    await expect(node.ipam.admin.addPools([{ cidr: parseCidr('10.99.0.0/16') }, pool])).rejects.toThrow(message);
    expect(cidrs(await node.ipam.admin.pools())).toEqual(['10.64.0.0/12']);
  });

  test('two that overlap, added by two nodes at once: one is refused', async () => {
    const beta = await cluster.node('beta');
    const outcomes = await Promise.allSettled([
      node.ipam.admin.addPools([{ cidr: parseCidr('10.99.0.0/16') }]),
      beta.ipam.admin.addPools([{ cidr: parseCidr('10.99.128.0/17') }]),
    ]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('a range becomes the fewest CIDRs', async () => {
    const added = await node.ipam.admin.addPoolRange({ first: ip('10.99.0.0'), last: ip('10.99.2.255'), name: 'r' });
    expect(added.map(({ cidr, name }) => [cidr, name])).toEqual([
      ['10.99.0.0/23', 'r-1'],
      ['10.99.2.0/24', 'r-2'],
    ]);
  });

  test('what may change changes, and null takes the selector away', async () => {
    await node.ipam.admin.setPool('main', { natOutgoing: false, disabled: true, nodeSelector: 'rack' });
    const pool = await node.ipam.admin.setPool('10.64.0.0/12', { nodeSelector: null, name: 'big' });
    expect(pool).toMatchObject({ name: 'big', natOutgoing: false, disabled: true });
    expect(pool).not.toHaveProperty('nodeSelector');
    await expect(node.ipam.admin.setPool('main', {})).rejects.toThrow(
      'there is no pool "main": the pools are big (10.64.0.0/12), disabled',
    );
  });

  test('one in use is not removed, and the network is named', async () => {
    const id = await aNetwork();
    await expect(node.ipam.admin.removePools(['main'])).rejects.toThrow(
      'pool main is in use: network web has subnet 10.64.9.0/24; remove the network first',
    );
    await node.releasePool(id);
    expect(cidrs(await node.ipam.admin.removePools(['main', '10.64.0.0/12']))).toEqual(['10.64.0.0/12']);
    expect(await node.ipam.admin.pools()).toEqual([]);
  });

  test('a disabled one gives no new network and no new address', async () => {
    const id = await aNetwork();
    await node.requestAddress(id);
    await node.ipam.admin.setPool('main', { disabled: true });
    await expect(node.requestPool()).rejects.toThrow(
      'there is no usable pool (the pools are main (10.64.0.0/12), disabled)',
    );
    await expect(node.requestPool({ Pool: '10.64.3.0/24' })).rejects.toThrow('pool main is disabled');
    await expect(node.requestAddress(id)).rejects.toThrow('its pool main is disabled');
  });
});

test('utilisation counts what is assigned, cooling and reserved, by pool, subnet and block', async () => {
  const id = await aNetwork();
  await node.requestAddress(id);
  const second = ip(await node.requestAddress(id));
  await node.releaseAddress(id, second);
  const usage = { assigned: 1n, cooling: 1n, reserved: 1n, borrowed: 0n };
  const [report] = await node.ipam.admin.utilisation();
  expect(report?.usage).toEqual({ size: 1n << 20n, ...usage, free: (1n << 20n) - 3n });
  expect(report?.subnets).toEqual([
    { cidr: '10.64.9.0/24', networks: ['web'], nodes: ['alpha'], usage: { size: 256n, ...usage, free: 253n } },
  ]);
  expect(report?.blocks).toEqual([
    { cidr: '10.64.9.0/26', subnet: '10.64.9.0/24', node: 'alpha', usage: { size: 64n, ...usage, free: 61n } },
  ]);
});

test('an address is shown for what it is', async () => {
  const id = await aNetwork();
  const address = ip(await node.requestAddress(id));
  const is = async (text: string): Promise<string> => (await node.ipam.admin.show(ip(text))).is.state;
  expect([
    await is('10.64.9.1'),
    await is(address),
    await is('10.64.9.9'),
    await is('10.64.9.99'),
    await is('10.65.0.1'),
  ]).toEqual(['reserved', 'unbound', 'free', 'free', 'outside']);
});

describe('release', () => {
  test('frees what nobody has, and nothing else', async () => {
    const id = await aNetwork();
    const [used, leaked] = [ip(await node.requestAddress(id)), ip(await node.requestAddress(id))];
    await node.bind(used, ENDPOINT);
    await anEndpoint(used);
    expect(await node.ipam.admin.release(leaked)).toBe('released');
    expect(await node.ipam.admin.release(leaked)).toBe('was not assigned');
    await expect(node.ipam.admin.release(used)).rejects.toThrow('cannot be released: front on node alpha has it');
    await expect(node.ipam.admin.release(ip('10.64.9.1'))).rejects.toThrow(
      'it is the gateway of a network in 10.64.9.0/24',
    );
    await expect(node.ipam.admin.release(ip('192.0.2.9'))).rejects.toThrow(
      '192.0.2.9 cannot be released: it is in no pool (the pools are main (10.64.0.0/12))',
    );
  });
});

describe('check', () => {
  const kinds = async (repair: boolean): Promise<string[]> =>
    (await node.ipam.admin.check({ repair })).findings.map(
      ({ kind, repaired }) => `${kind}${repaired ? ' repaired' : ''}`,
    );

  test('finds nothing where nothing is wrong', async () => {
    const id = await aNetwork();
    const address = ip(await node.requestAddress(id));
    await node.bind(address, ENDPOINT);
    await anEndpoint(address);
    expect(await node.ipam.admin.check({ repair: true })).toEqual({
      blocks: 1,
      addresses: 2,
      endpoints: 1,
      findings: [],
    });
  });

  test('a dry run tells what a repair then does, and a second repair finds nothing', async () => {
    const id = await aNetwork();
    const bound = ip(await node.requestAddress(id));
    await node.bind(bound, 'f'.repeat(64));
    await node.requestAddress(id);
    await anEndpoint('10.64.9.50');
    cluster.clock.advance(11 * 60_000);
    const before = cluster.datastore.contents();
    expect(await kinds(false)).toEqual(['endpoint-address-not-assigned', 'bound-without-endpoint', 'unbound-too-long']);
    expect(cluster.datastore.contents()).toEqual(before);
    expect(await kinds(true)).toEqual([
      'endpoint-address-not-assigned repaired',
      'bound-without-endpoint repaired',
      'unbound-too-long repaired',
    ]);
    expect(await kinds(true)).toEqual([]);
    expect((await node.ipam.admin.show(ip('10.64.9.50'))).is).toMatchObject({ state: 'bound', handle: ENDPOINT });
  });

  test('an address that two have is for a person to decide', async () => {
    const id = await aNetwork();
    const address = ip(await node.requestAddress(id));
    await node.bind(address, 'f'.repeat(64));
    await anEndpoint(address);
    const [finding] = (await node.ipam.admin.check({ repair: true })).findings;
    expect(finding).toMatchObject({ kind: 'endpoint-address-not-assigned', repaired: false });
    expect(finding).not.toHaveProperty('repair');
  });

  test('a corrupt block is reported, never deleted, and its addresses are not given', async () => {
    const id = await aNetwork();
    const key = '/corduroy/v1/block/10.64.9.0-24/10.64.9.0-26';
    cluster.datastore.put(key, '{"broken":');
    const beta = await cluster.node('beta');
    expect(await node.ipam.admin.check({ repair: true })).toMatchObject({
      findings: [{ kind: 'corrupt-record', subject: key }],
    });
    const other = (await beta.requestPool({ Pool: '10.64.9.0/24' })).PoolID;
    for (let n = 0; n < 3; n++)
      expect(ip(await beta.requestAddress(other))).not.toMatch(/^10\.64\.9\.([0-9]|[1-5][0-9]|6[0-3])$/);
    expect(await node.requestAddress(id)).toMatch(/^10\.64\.9\./);
    expect(cluster.datastore.contents().get(key)).toBe('{"broken":');
  });

  test('a corrupt subnet is passed over, refused by name, and never replaced', async () => {
    const key = '/corduroy/v1/subnet/10.64.0.0-24';
    cluster.datastore.put(key, '{"broken":');
    expect((await node.requestPool()).Pool).toBe('10.64.1.0/24');
    await expect(node.requestPool({ Pool: '10.64.0.0/25' })).rejects.toThrow(
      'overlaps 10.64.0.0/24, whose record in the datastore cannot be read',
    );
    expect(cluster.datastore.contents().get(key)).toBe('{"broken":');
  });

  test('a corrupt pool is not replaced by adding it again', async () => {
    const key = '/corduroy/v1/pool/10.200.0.0-16';
    cluster.datastore.put(key, '{"broken":');
    await expect(node.ipam.admin.addPools([{ cidr: parseCidr('10.200.0.0/16') }])).rejects.toThrow(
      `the record at ${key} cannot be read`,
    );
    expect(cluster.datastore.contents().get(key)).toBe('{"broken":');
  });

  test('a corrupt default pool is neither made again nor in the way, and is told', async () => {
    const key = '/corduroy/v1/pool/10.64.0.0-12';
    cluster.datastore.put(key, '{"broken":');
    expect(await node.ipam.ensureDefaultPools([parseCidr('10.64.0.0/12')])).toEqual([]);
    expect(cluster.datastore.contents().get(key)).toBe('{"broken":');
    expect(node.ipam.admin.badRecords().map(({ key: bad }) => bad)).toContain(key);
  });

  test('nothing is repaired while a record cannot be read: what seems to be nobody’s may be its', async () => {
    await aNetwork();
    cluster.datastore.write({ kind: 'delete', key: '/corduroy/v1/subnet/10.64.9.0-24' });
    cluster.datastore.put('/corduroy/v1/subnet/10.64.200.0-24', '{"broken":');
    const before = cluster.datastore.contents();
    const { findings } = await node.ipam.admin.check({ repair: true });
    expect(findings.map(({ kind, repaired }) => [kind, repaired])).toEqual([
      ['corrupt-record', false],
      ['block-without-subnet', false],
    ]);
    expect(findings[1]?.message).toMatch(/; put the bad records right first, which "corduroy status" lists$/);
    expect(cluster.datastore.contents()).toEqual(before);
  });

  test('blocks and reservations of a subnet that is gone are removed', async () => {
    await aNetwork();
    cluster.datastore.write({ kind: 'delete', key: '/corduroy/v1/subnet/10.64.9.0-24' });
    expect(await kinds(true)).toEqual(['block-without-subnet repaired']);
    expect(await kinds(true)).toEqual([]);
  });
});
