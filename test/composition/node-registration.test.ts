import { expect, test } from '@jest/globals';
import { registerNode } from '../../src/composition/node-registration.js';
import { silentLogger } from '../../src/effects/logger.js';
import { ClusterCache } from '../../src/infrastructure/cluster-cache.js';
import { systemClock } from '../../src/infrastructure/system-clock.js';
import { parseNodeName } from '../../src/model/ids.js';
import { type Node, NodeRecord, nodeKey, parseRouteReflectorClusterId } from '../../src/model/node.js';
import { InMemoryDatastore } from '../fakes/in-memory-datastore.js';

const name = parseNodeName('alpha');
const described: Node = { name, asNumber: 64_512, labels: {}, version: '2', startedAt: '2026-02-02T00:00:00Z' };

/** The record after a start, with what was there before. */
async function registered(before: Node | undefined, keepsAsNumber: boolean): Promise<Node | undefined> {
  const datastore = new InMemoryDatastore();
  const store = new ClusterCache({ datastore, node: name, log: silentLogger });
  await store.ready();
  if (before !== undefined) {
    const value = NodeRecord.encode(before);
    await store.transact({ compares: [], writes: [{ kind: 'put', key: nodeKey(name), value }] });
  }
  await registerNode(described, { store, keepsAsNumber, clock: systemClock, signal: new AbortController().signal });
  const after = store.nodes.get(name)?.value;
  await store.close();
  return after;
}

const given: Node = {
  name,
  asNumber: 65_000,
  routeReflectorClusterId: parseRouteReflectorClusterId('244.0.0.1'),
  labels: { rack: '1' },
  version: '1',
  startedAt: '',
};
const kept = { labels: given.labels, routeReflectorClusterId: given.routeReflectorClusterId };

test('a node that is new is as it describes itself', async () => {
  expect(await registered(undefined, true)).toEqual(described);
});

test('labels, a cluster id, and an AS number that no setting names outlive a restart', async () => {
  expect(await registered(given, true)).toEqual({ ...described, ...kept, asNumber: 65_000 });
});

test('an AS number that a setting names wins', async () => {
  expect(await registered(given, false)).toEqual({ ...described, ...kept });
});
