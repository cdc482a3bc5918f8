import { expect, test } from '@jest/globals';
import { followAddresses, LOOK_MS, nextAddresses } from '../../src/composition/address-follower.js';
import { registerNode } from '../../src/composition/node-registration.js';
import { silentLogger } from '../../src/effects/logger.js';
import { ClusterCache } from '../../src/infrastructure/cluster-cache.js';
import { parseNodeName } from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import type { Node } from '../../src/model/node.js';
import { InMemoryDatastore } from '../fakes/in-memory-datastore.js';
import { ManualClock } from '../fakes/manual-clock.js';

const ip = parseIpAddress;
const [OLD, NEW, OTHER] = [ip('10.99.0.11'), ip('10.99.0.111'), ip('192.0.2.1')];

test.each([
  [
    'an address that is there stays, whatever detection prefers now',
    { ip: OLD },
    { ip: OTHER },
    [OTHER, OLD],
    undefined,
  ],
  ['one that is gone is replaced', { ip: OLD }, { ip: NEW }, [NEW], { ip: NEW }],
  ['one that is gone stays while no other is found', { ip: OLD }, {}, [], undefined],
  ['a node without one gets the first that comes', {}, { ip: NEW }, [NEW], { ip: NEW }],
  ['one that a setting gives stays, on the host or not', { ip: OLD }, { ip: OLD }, [NEW], undefined],
])('%s', (_, registered, detected, present, next) => {
  expect(nextAddresses(registered, detected, new Set(present))).toEqual(next);
});

test('the record follows once another address was found twice, with what else is in it kept', async () => {
  const name = parseNodeName('alpha');
  const store = new ClusterCache({ datastore: new InMemoryDatastore(), node: name, log: silentLogger });
  await store.ready();
  const clock = new ManualClock();
  const stopping = new AbortController();
  const registration = { store, keepsAsNumber: true, clock, signal: stopping.signal };
  const own: Node = { name, ip: OLD, labels: { rack: '1' }, version: '1', startedAt: '' };
  await registerNode(own, registration);
  let present = [OLD];
  const host = { present: () => new Set(present), detect: async () => ({ ip: present[0] }) };
  const following = followAddresses(own, { ...registration, host, log: silentLogger });
  const addressAfterALook = async () => {
    clock.advance(LOOK_MS);
    await new Promise((resolve) => setTimeout(resolve, 20));
    return store.nodes.get(name)?.value.ip;
  };

  expect(await addressAfterALook()).toBe(OLD);
  present = [];
  expect(await addressAfterALook()).toBe(OLD);
  present = [OTHER];
  expect(await addressAfterALook()).toBe(OLD);
  present = [NEW];
  expect(await addressAfterALook()).toBe(OLD);
  expect(await addressAfterALook()).toBe(NEW);
  expect(store.nodes.get(name)?.value).toMatchObject({ version: '1', ip: NEW });
  stopping.abort();
  await following;
  await store.close();
});
