import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import request from 'supertest';
import { EndpointRecord, endpointKey } from '../../../src/model/endpoint.js';
import { parseEndpointId, parseNodeName } from '../../../src/model/ids.js';
import { ProfileRecord, profileKey } from '../../../src/model/profile.js';
import { adminApp, adminRoutes } from '../../../src/server/admin/admin-app.js';
import { openApiDocument, openApiPath } from '../../../src/server/admin/openapi.js';
import type { AnyRoute, Method } from '../../../src/server/admin/route.js';
import { type AdminHarness, addNode, anAdminHarness } from '../../builders/admin.js';
import { eventually } from '../../contracts/eventually.js';

let harness: AdminHarness;
let api: ReturnType<typeof request>;

beforeEach(async () => {
  harness = await anAdminHarness();
  api = request(adminApp(harness.context));
});
afterEach(() => harness.close());

const ID = 'a'.repeat(64);

/** One call of each operation that is answered 200, in an order in which they can be. */
const CALLS: readonly (readonly [Method, path: string, url: string, body?: object])[] = [
  ['get', '/status', '/status'],
  ['get', '/check', '/check'],
  ['get', '/config', '/config'],
  ['get', '/metrics', '/metrics'],
  ['get', '/pools', '/pools'],
  ['post', '/pools', '/pools', { cidrs: ['10.80.0.0/16', 'fd00:1::/48'], natOutgoing: true }],
  ['post', '/pool-ranges', '/pool-ranges', { first: '10.96.0.0', last: '10.96.0.255' }],
  ['get', '/pools/:pool', '/pools/10.80.0.0%2F16'],
  ['patch', '/pools/:pool', '/pools/main', { natOutgoing: false }],
  ['delete', '/pools/:pool', '/pools/10.80.0.0%2F16'],
  ['get', '/networks', '/networks'],
  ['post', '/networks', '/networks', { name: 'db', subnets: ['10.65.0.0/24'], labels: { team: 'blue' } }],
  ['get', '/networks/:network', '/networks/web'],
  ['delete', '/networks/:network', '/networks/db'],
  ['get', '/profiles', '/profiles'],
  ['post', '/profiles', '/profiles', { name: 'db' }],
  ['get', '/profiles/:profile', '/profiles/db'],
  ['get', '/profiles/:profile/rules', '/profiles/db/rules'],
  ['put', '/profiles/:profile/rules', '/profiles/db/rules', { inbound: ['allow tcp to ports 5432'] }],
  ['post', '/profiles/:profile/rules/:direction', '/profiles/db/rules/inbound', { rule: 'deny udp', at: 1 }],
  ['delete', '/profiles/:profile/rules/:direction', '/profiles/db/rules/inbound?at=1'],
  ['put', '/profiles/:profile/tags/:tag', '/profiles/db/tags/blue'],
  ['delete', '/profiles/:profile/tags/:tag', '/profiles/db/tags/blue'],
  ['put', '/profiles/:profile/mode', '/profiles/db/mode', { mode: 'audit' }],
  ['get', '/endpoints', '/endpoints?network=web&profile=web&node=alpha&label=tier=front'],
  ['get', '/endpoints/:endpoint', `/endpoints/${ID}`],
  ['post', '/endpoints/:endpoint/profiles', '/endpoints/aaaa/profiles', { action: 'append', profiles: ['db'] }],
  ['get', '/containers/:container', '/containers/front'],
  ['post', '/containers/:container/profiles', '/containers/back/profiles', { action: 'set', profiles: null }],
  ['delete', '/profiles/:profile', '/profiles/db?check=false'],
  ['get', '/ipam/utilisation', '/ipam/utilisation'],
  ['get', '/ipam/blocks', '/ipam/blocks'],
  ['get', '/ipam/settings', '/ipam/settings'],
  ['patch', '/ipam/settings', '/ipam/settings', { strictAffinity: true, maxBlocksPerHost: 4 }],
  ['get', '/ipam/addresses/:address', '/ipam/addresses/10.64.0.2'],
  ['delete', '/ipam/addresses/:address', '/ipam/addresses/10.64.0.2'],
  ['post', '/ipam/check', '/ipam/check', { repair: false }],
  ['get', '/nodes', '/nodes'],
  ['get', '/nodes/:node', '/nodes/alpha'],
  ['patch', '/nodes/:node', '/nodes/alpha', { labels: { rack: '1', disk: null }, asNumber: 65_000 }],
  ['delete', '/nodes/:node', '/nodes/beta?removeEndpoints=true'],
  ['get', '/bgp', '/bgp'],
  ['patch', '/bgp', '/bgp', { mesh: false, defaultAsNumber: 64_513 }],
  ['get', '/bgp/sessions', '/bgp/sessions'],
  ['post', '/bgp/peers', '/bgp/peers', { address: '10.99.0.1', asNumber: 64_600, password: 'sesame', ttlSecurity: 1 }],
  ['get', '/bgp/peers', '/bgp/peers'],
  ['delete', '/bgp/peers/:address', '/bgp/peers/10.99.0.1'],
];

describe('the OpenAPI document', () => {
  test('names every route that express serves, and no other', () => {
    const served = adminApp(harness.context).router.stack.flatMap(({ route }) =>
      route === undefined ? [] : route.stack.map(({ method }) => `${method} ${openApiPath(route.path)}`),
    );
    const { paths } = openApiDocument(adminRoutes, '1.2.3') as { paths: Record<string, object> };
    const documented = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(new Set(served)).toEqual(new Set([...documented, 'get /openapi.json']));
    expect(CALLS.map(([method, path]) => `${method} ${openApiPath(path)}`).toSorted()).toEqual(documented.toSorted());
  });

  test('is served, with parsed values shown as what is written', async () => {
    const { body } = await api.get('/openapi.json').expect(200);
    expect(body.paths['/profiles/{profile}/rules/{direction}'].post).toMatchObject({
      parameters: [
        { name: 'profile', in: 'path', required: true, schema: { type: 'string' } },
        { name: 'direction', in: 'path', required: true, schema: { enum: ['inbound', 'outbound'] } },
      ],
      requestBody: { content: { 'application/json': { schema: { properties: { rule: { type: 'string' } } } } } },
    });
    const references = JSON.stringify(body).match(/(?<="\$ref":"#\/components\/schemas\/)\w+/g) ?? [];
    expect(Object.keys(body.components.schemas)).toEqual(expect.arrayContaining(references));
    expect(references).toContain('Pool');
  });

  test('tells the truth: each operation answers with what its schema says', async () => {
    await addNode(harness, 'beta');
    for (const [method, path, url, body] of CALLS) {
      const response = await api[method](url).send(body);
      const { response: schema, text } = adminRoutes.find((r) => r.method === method && r.path === path) as AnyRoute;
      expect({ url, status: response.status, body: response.status === 200 ? {} : response.body }).toEqual({
        url,
        status: 200,
        body: {},
      });
      expect(() => schema.parse(text === undefined ? response.body : response.text)).not.toThrow();
    }
  });
});

describe('changes', () => {
  const rules = async () => (await api.get('/profiles/web')).body.inbound;

  test('answer that they are in force, once the kernel has them', async () => {
    let told = false;
    harness.settle = async () => {
      told = true;
    };
    const { body } = await api
      .post('/profiles/web/rules/inbound')
      .send({ rule: 'allow tcp to ports 80,443' })
      .expect(200);
    expect(body).toEqual({
      message: 'added inbound rule 2 of profile web: allow tcp to ports 80,443',
      inForce: true,
    });
    expect(told).toBe(true);
    expect(await rules()).toEqual(['allow from tag web', 'allow tcp to ports 80,443']);
  });

  test('that the kernel does not take are stored, and say so', async () => {
    harness.settle = () => Promise.reject(new Error('iptables-restore: line 4 failed'));
    const { body } = await api.post('/profiles/web/rules/inbound').send({ rule: 'deny' }).expect(200);
    expect(body).toMatchObject({ inForce: false, problem: expect.stringContaining('line 4 failed') });
    expect(await rules()).toHaveLength(2);
  });

  test('that lose a race are decided again on what the other wrote', async () => {
    const name = 'web' as never;
    const other = ProfileRecord.decode('k', (await harness.datastore.get(profileKey(name)))?.value ?? '');
    harness.datastore.interfereWithNext({
      kind: 'put',
      key: profileKey(name),
      value: ProfileRecord.encode({ ...other, tags: ['web', 'theirs'] as never }),
    });
    await api.put('/profiles/web/tags/ours').expect(200);
    expect((await api.get('/profiles/web')).body.tags).toEqual(['web', 'theirs', 'ours']);
  });

  test('that are there already write nothing', async () => {
    const before = harness.datastore.transactionCount;
    const { body } = await api.post('/profiles/web/rules/inbound').send({ rule: 'allow  from tag web' }).expect(200);
    expect(body.message).toBe('profile web has that inbound rule already, as number 1');
    expect(harness.datastore.transactionCount).toBe(before);
  });

  test('append, remove and set the profiles of all endpoints of a container', async () => {
    await api.post('/profiles').send({ name: 'db' });
    const change = (body: object) => api.post('/containers/front/profiles').send(body).expect(200);
    const now = async () => (await api.get('/containers/front')).body[0];
    await change({ action: 'append', profiles: ['db'] });
    expect(await now()).toMatchObject({ profiles: ['web', 'db'], ownProfiles: true, tags: ['web', 'db'] });
    await change({ action: 'remove', profiles: ['web'] });
    expect(await now()).toMatchObject({ profiles: ['db'], tags: ['db'] });
    const { body } = await change({ action: 'set', profiles: [] });
    expect(body.message).toBe('container front bears no profile: all its traffic is denied');
    await change({ action: 'set', profiles: null });
    expect(await now()).toMatchObject({ profiles: ['web'], ownProfiles: false });
  });
});

describe('what cannot be done has a code, a reason and a remedy, and changes nothing', () => {
  test.each<[string, Method, string, object | string | undefined, number, object]>([
    ['a rule that is none', 'post', '/profiles/web/rules/inbound', { rule: 'permit' }, 400, { error: /permit/ }],
    [
      'a position past the end',
      'post',
      '/profiles/web/rules/inbound',
      { rule: 'deny', at: 7 },
      400,
      { remedy: /--at 1 to 2/ },
    ],
    ['a rule that is not there', 'delete', '/profiles/web/rules/inbound?at=4', undefined, 404, { remedy: /rule show/ }],
    ['neither position nor text', 'delete', '/profiles/web/rules/inbound', undefined, 400, { remedy: /either/ }],
    ['an unknown profile', 'get', '/profiles/wbe', undefined, 404, { error: /there are web/ }],
    ['a profile twice', 'post', '/profiles', { name: 'web' }, 409, { remedy: /another name/ }],
    [
      'a profile in use',
      'delete',
      '/profiles/web',
      undefined,
      409,
      { error: /network web, endpoint/, remedy: /--no-check/ },
    ],
    [
      'an unknown profile for a container',
      'post',
      '/containers/front/profiles',
      { action: 'append', profiles: ['x'] },
      404,
      { error: /no profile "x"/ },
    ],
    ['an unknown container', 'get', '/containers/nobody', undefined, 404, { error: /there are front, back/ }],
    [
      'a container not on that network',
      'post',
      '/containers/front/profiles?network=db',
      { action: 'set', profiles: [] },
      404,
      { error: /is on web/ },
    ],
    ['an id that is none', 'get', '/endpoints/zz', undefined, 400, { remedy: /endpoint list/ }],
    ['host bits in a CIDR', 'post', '/pools', { cidrs: ['10.1.2.3/8'] }, 400, { error: /did you mean 10.0.0.0\/8/ }],
    ['a pool that overlaps', 'post', '/pools', { cidrs: ['10.65.0.0/16'] }, 409, { error: /overlaps/ }],
    [
      'an encapsulation that the kernel lacks',
      'post',
      '/pools',
      { cidrs: ['10.1.0.0/16'], encapsulation: 'ipip' },
      409,
      { error: /lacks the module ipip/, remedy: /modprobe ipip.*--encap vxlan/ },
    ],
    [
      'tunnels across subnets without tunnels',
      'patch',
      '/pools/main',
      { crossSubnet: true },
      400,
      { remedy: /--encap vxlan/ },
    ],
    ['a field that is unknown', 'post', '/profiles', { name: 'x', colour: 'red' }, 400, { error: /colour/ }],
    ['a query that is unknown', 'get', '/endpoints?colour=red', undefined, 400, { error: /colour/ }],
    ['JSON that is none', 'post', '/profiles', '{"name":', 400, { error: /not JSON/ }],
    ['an unknown path', 'get', '/nothing', undefined, 404, { remedy: /openapi/ }],
    [
      'a body that is too large',
      'post',
      '/profiles',
      { name: 'x'.repeat(2_000_000) },
      413,
      { error: /larger than 1 MiB/ },
    ],
  ])('%s', async (_, method, url, body, status, expected) => {
    const before = harness.datastore.transactionCount;
    const response = await api[method](url).set('Content-Type', 'application/json').send(body);
    expect({ status: response.status, ...response.body }).toEqual({
      status,
      error: expect.stringMatching(/./),
      remedy: expect.stringMatching(/./),
    });
    for (const [field, pattern] of Object.entries(expected)) expect(response.body[field]).toMatch(pattern);
    expect(harness.datastore.transactionCount).toBe(before);
  });

  test('a datastore that is away', async () => {
    harness.datastore.goAway('connection refused');
    const { body } = await api.post('/profiles').send({ name: 'db' }).expect(503);
    expect(body.error).toMatch(/connection refused|datastore/);
    expect((await api.get('/status')).body).toMatchObject({ ready: false, datastore: { state: 'unavailable' } });
  });
});

test('a cluster has more endpoints than are listed: which ones has to be said', async () => {
  const { store } = harness.context;
  const [here] = [...store.localEndpoints.values()];
  if (here === undefined) throw new Error('an endpoint is expected');
  const idOf = (n: number) => parseEndpointId(`e${n.toString(16).padStart(63, '0')}`);
  for (let n = 0; n < 10_001; n++) {
    const there = { ...here.value, id: idOf(n), node: parseNodeName('beta') };
    harness.datastore.put(endpointKey(there.node, there.id), EndpointRecord.encode(there));
  }
  await eventually(() => expect(store.endpoints.size).toBeGreaterThan(10_001));
  const all = await api.get('/endpoints').expect(400);
  expect(all.body.error).toMatch(/^\d+ endpoints fit, and at most 10000 are listed at once$/);
  expect(all.body.remedy).toBe('say which ones, by node, network, profile or label');
  await api.get('/endpoints?node=alpha').expect(200);
});
