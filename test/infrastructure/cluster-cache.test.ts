import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ClusterChange } from '../../src/effects/cluster-view.js';
import { ABSENT, type Write } from '../../src/effects/datastore.js';
import { type Logger, silentLogger } from '../../src/effects/logger.js';
import { ClusterCache } from '../../src/infrastructure/cluster-cache.js';
import { type Endpoint, EndpointRecord, endpointKey } from '../../src/model/endpoint.js';
import {
  parseDockerNetworkId,
  parseEndpointId,
  parseNetworkName,
  parseNodeName,
  parseProfileName,
} from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { macOfEndpoint } from '../../src/model/mac-address.js';
import {
  type Network,
  NetworkRecord,
  type NodeNetwork,
  NodeNetworkRecord,
  networkKey,
  nodeNetworkKey,
} from '../../src/model/network.js';
import { defaultProfile, ProfileRecord, profileKey } from '../../src/model/profile.js';
import { InMemoryDatastore } from '../fakes/in-memory-datastore.js';

const node = parseNodeName('one');
const other = parseNodeName('two');
const dockerNetworkId = parseDockerNetworkId('ab'.repeat(32));

const web: Network = {
  name: parseNetworkName('web'),
  subnets: [],
  ipam: 'corduroy',
  internal: false,
  options: { profiles: [], publish: 'allow' },
};
const aNodeNetwork = (of: NodeNetwork['node']): NodeNetwork => ({
  node: of,
  dockerNetworkId,
  network: web.name,
  provisional: false,
  linkLocalGateway: parseIpAddress('169.254.1.1'),
});
const endpointId = parseEndpointId('0c'.repeat(32));
const anEndpoint: Endpoint = {
  id: endpointId,
  node: other,
  dockerNetworkId,
  mac: macOfEndpoint(endpointId),
  addresses: [parseIpAddress('10.64.0.2')],
  tags: [],
  labels: {},
  published: [],
  createdAt: '2026-11-21T09:00:00.000Z',
};
const putNetwork = { kind: 'put', key: networkKey(web.name), value: NetworkRecord.encode(web) } as const;
const putNodeNetwork = (of: NodeNetwork['node']) =>
  ({
    kind: 'put',
    key: nodeNetworkKey(of, dockerNetworkId),
    value: NodeNetworkRecord.encode(aNodeNetwork(of)),
  }) as const;
const profile = defaultProfile(parseProfileName('web'));
const putProfile = { kind: 'put', key: profileKey(profile.name), value: ProfileRecord.encode(profile) } as const;
const putEndpoint = {
  kind: 'put',
  key: endpointKey(other, endpointId),
  value: EndpointRecord.encode(anEndpoint),
} as const;

function aCache(store = new InMemoryDatastore(), log: Logger = silentLogger) {
  const cache = new ClusterCache({ datastore: store, node, log });
  const changes: ClusterChange[] = [];
  cache.subscribe((change) => changes.push(change));
  return { store, cache, changes };
}

test('it is ready when every kind has its first snapshot, and shows what was stored before', async () => {
  const store = new InMemoryDatastore();
  store.write(putNetwork, putNodeNetwork(node), putNodeNetwork(other), putProfile, putEndpoint);
  const { cache } = aCache(store);
  expect(cache.networks.size).toBe(0);
  await cache.ready();
  expect(cache.networks.get(web.name)).toEqual({ value: web, revision: 2 });
  expect([...cache.localNetworks.values()].map(({ value }) => value)).toEqual([aNodeNetwork(node)]);
  expect(cache.profiles.get(profile.name)?.value).toEqual(profile);
  expect(cache.networkOf(anEndpoint)).toEqual(web);
  expect(cache.endpoints.get(endpointId)?.value).toEqual(anEndpoint);
});

test("this node's endpoints can be had without looking at all", async () => {
  const own = { ...anEndpoint, id: parseEndpointId('0d'.repeat(32)), node };
  const { cache } = aCache();
  await cache.ready();
  const key = endpointKey(node, own.id);
  await cache.transact({
    compares: [],
    writes: [{ kind: 'put', key, value: EndpointRecord.encode(own) }, putEndpoint],
  });
  expect(cache.endpoints.size).toBe(2);
  expect([...cache.localEndpoints]).toEqual([[own.id, cache.endpoints.get(own.id)]]);
  await cache.transact({ compares: [], writes: [{ kind: 'delete', key }] });
  expect(cache.localEndpoints.size).toBe(0);
});

test('our own commit is in the view, and told, before transact resolves, however late the watch', async () => {
  const { store, cache, changes } = aCache();
  await cache.ready();
  store.holdWatches();
  const seen: boolean[] = [];
  cache.subscribe(() => seen.push(cache.networks.has(web.name) && cache.localNetworks.has(dockerNetworkId)));
  await cache.transact({ compares: [], writes: [putNodeNetwork(node), putNetwork] });
  const told = [
    { kind: 'network', key: putNetwork.key, before: undefined, after: web },
    { kind: 'nodeNetwork', key: putNodeNetwork(node).key, before: undefined, after: aNodeNetwork(node) },
  ];
  expect(changes).toEqual(told);
  expect(seen).toEqual([true, true]);
  store.releaseWatches();
  await store.get('anything');
  expect(changes).toEqual(told);
});

test('a conflict changes nothing in the view', async () => {
  const { store, cache, changes } = aCache();
  await cache.ready();
  store.put(putNetwork.key, putNetwork.value);
  await store.get('anything');
  changes.length = 0;
  const outcome = await cache.transact({
    compares: [{ key: putNetwork.key, revision: ABSENT }],
    writes: [{ kind: 'delete', key: putNetwork.key }],
  });
  expect(outcome.kind).toBe('conflict');
  expect(changes).toEqual([]);
  expect(cache.networks.size).toBe(1);
});

test("other nodes' writes arrive by the watch", async () => {
  const { store, cache, changes } = aCache();
  await cache.ready();
  store.write(putEndpoint);
  store.write({ kind: 'delete', key: putEndpoint.key });
  await store.get('anything');
  expect(changes).toEqual([
    { kind: 'endpoint', key: putEndpoint.key, before: undefined, after: anEndpoint },
    { kind: 'endpoint', key: putEndpoint.key, before: anEndpoint, after: undefined },
  ]);
});

test("another node's transaction is whole in the view before the first listener is told of it", async () => {
  const { store, cache } = aCache();
  await cache.ready();
  const seen: boolean[] = [];
  cache.subscribe(() => seen.push(cache.networkOf(anEndpoint) !== undefined && cache.endpoints.has(endpointId)));
  store.write(putEndpoint, putNodeNetwork(other), putNetwork);
  await store.get('anything');
  expect(seen).toEqual([true, true, true]);
});

test('a commit whose reply was lost still arrives', async () => {
  const { store, cache, changes } = aCache();
  await cache.ready();
  store.failNext('afterCommit');
  await expect(cache.transact({ compares: [], writes: [putNetwork] })).rejects.toThrow('the reply was lost');
  await store.get('anything');
  expect(changes).toMatchObject([{ kind: 'network', after: { name: 'web' } }]);
});

test('with the store away the view shows what was last known, and catches up after', async () => {
  const { store, cache, changes } = aCache();
  await cache.ready();
  store.write(putNetwork, putProfile);
  await store.get('anything');
  store.goAway();
  store.write({ kind: 'delete', key: putProfile.key });
  expect(cache.profiles.size).toBe(1);
  changes.length = 0;
  store.comeBack();
  await store.get('anything');
  expect(cache.profiles.size).toBe(0);
  expect(changes).toEqual([{ kind: 'profile', key: putProfile.key, before: profile, after: undefined }]);
});

test('a corrupt record is a problem logged once, and the others are served', async () => {
  const errors: object[] = [];
  const log = { ...silentLogger, error: (fields: object) => errors.push(fields) };
  const store = new InMemoryDatastore();
  store.write(putNetwork, putProfile);
  store.put(networkKey(parseNetworkName('bad')), 'not json');
  store.put(nodeNetworkKey(node, dockerNetworkId), '{}');
  const { cache } = aCache(store, log);
  await cache.ready();
  store.compact();
  await store.get('anything');
  expect(cache.networks.size).toBe(1);
  expect(cache.problems.map(({ key }) => key).sort()).toEqual([
    '/corduroy/v1/network/bad',
    nodeNetworkKey(node, dockerNetworkId),
  ]);
  expect(errors).toHaveLength(2);
  expect(store.contents('/corduroy/v1/network/bad').size).toBe(1);
});

test('a listener that throws is logged, and the others are told', async () => {
  const errors: object[] = [];
  const { cache } = aCache(undefined, { ...silentLogger, error: (fields) => errors.push(fields) });
  await cache.ready();
  cache.subscribe(() => {
    throw new Error('a listener with a fault');
  });
  const told: string[] = [];
  const stop = cache.subscribe(({ kind }) => told.push(kind));
  await cache.transact({ compares: [], writes: [putNetwork] });
  stop();
  await cache.transact({ compares: [], writes: [putProfile] });
  expect(told).toEqual(['network']);
  expect(errors).toHaveLength(2);
});

const steps = fc.array(
  fc.record({
    what: fc.constantFrom('ours', 'theirs', 'hold', 'release', 'compact', 'outage', 'lostReply', 'wait'),
    name: fc.constantFrom('a', 'b', 'c').map(parseProfileName),
    // Undefined deletes.
    mode: fc.constantFrom('enforce', 'audit', undefined),
  }),
  { maxLength: 30 },
);

test('whatever we and others write, and however the watch is delayed, the view ends as the store', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      const { store, cache, changes } = aCache();
      for (const { what, name, mode } of sequence) {
        const key = profileKey(name);
        const write: Write =
          mode === undefined
            ? { kind: 'delete', key }
            : { kind: 'put', key, value: ProfileRecord.encode({ ...defaultProfile(name), mode }) };
        if (what === 'theirs') store.write(write);
        if (what === 'hold') store.holdWatches();
        if (what === 'release') store.releaseWatches();
        if (what === 'compact') store.compact();
        if (what === 'wait') await store.get('anything');
        if (what === 'lostReply') store.failNext('afterCommit');
        if (what === 'outage') {
          store.goAway();
          store.write(write);
          store.comeBack();
        }
        if (what === 'ours' || what === 'lostReply') {
          await cache.transact({ compares: [], writes: [write] }).catch(() => undefined);
        }
      }
      store.releaseWatches();
      await store.get('anything');
      const stored = [...store.contents(ProfileRecord.prefix)].map(([key, text]) => ProfileRecord.decode(key, text));
      expect([...cache.profiles.values()].map(({ value }) => value).sort(byName)).toEqual(stored);
      const folded = new Map<string, unknown>();
      for (const { key, before, after } of changes) {
        expect(before).toEqual(folded.get(key));
        if (after === undefined) folded.delete(key);
        else folded.set(key, after);
      }
      expect(folded).toEqual(new Map(stored.map((profileNow) => [profileKey(profileNow.name), profileNow])));
    }),
    { numRuns: 500 },
  );
});

const byName = (a: { readonly name: string }, b: { readonly name: string }): number => a.name.localeCompare(b.name);
