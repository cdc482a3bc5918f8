import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { NodeTenure } from '../../src/composition/node-tenure.js';
import { silentLogger } from '../../src/effects/logger.js';
import { StoredNodeLiveness } from '../../src/infrastructure/stored-node-liveness.js';
import { parseNodeName } from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { SightingRecord, sightingKey, tenureKey } from '../../src/model/tenure.js';
import { InMemoryDatastore } from '../fakes/in-memory-datastore.js';
import { ManualClock } from '../fakes/manual-clock.js';

const ALPHA = parseNodeName('alpha');
const turn = () => new Promise(setImmediate);

let datastore: InMemoryDatastore;
let clock: ManualClock;
let tenures: NodeTenure[];

beforeEach(() => {
  datastore = new InMemoryDatastore();
  clock = new ManualClock();
  tenures = [];
});
afterEach(async () => {
  await Promise.all(tenures.map((tenure) => tenure.close()));
});

function tenureOn(host: string): NodeTenure {
  const self = { node: ALPHA, host, hostName: `${host}.example`, ip: parseIpAddress('192.0.2.1') };
  const tenure = new NodeTenure({ datastore, leases: datastore.leases, self, clock, log: silentLogger });
  tenures.push(tenure);
  return tenure;
}

const stateOfAlpha = async () =>
  (await new StoredNodeLiveness(datastore, parseNodeName('beta')).of([ALPHA])).get(ALPHA);

/** Lets seconds pass, and what waits for them happen. */
async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    clock.advance(1_000);
    for (let n = 0; n < 5; n++) await turn();
  }
}

describe('liveness', () => {
  test('a daemon is alive while it runs, and gone at once when it ends in good order, with the time', async () => {
    expect(await stateOfAlpha()).toEqual({ state: 'gone', lastSeen: undefined });
    const tenure = tenureOn('one');
    await tenure.claim();
    expect(await stateOfAlpha()).toEqual({ state: 'alive' });
    await pass(90);
    await tenure.close();
    expect(await stateOfAlpha()).toEqual({ state: 'gone', lastSeen: '2026-01-01T00:01:30.000Z' });
  });

  test('one that dies is gone when its lease runs out, and was last seen within ten minutes of it', async () => {
    await tenureOn('one').claim();
    await pass(1_500);
    datastore.leases.expire();
    const { lastSeen } = (await stateOfAlpha()) as { lastSeen: string };
    const age = clock.now().getTime() - Date.parse(lastSeen);
    expect(age).toBeLessThanOrEqual(10 * 60_000);
  });

  test('it is not known while the datastore is away, but for oneself', async () => {
    datastore.goAway();
    expect(await stateOfAlpha()).toEqual({ state: 'unknown' });
    expect((await new StoredNodeLiveness(datastore, ALPHA).of([ALPHA])).get(ALPHA)).toEqual({ state: 'alive' });
  });

  test('renewing writes nothing but the sighting, every ten minutes', async () => {
    await tenureOn('one').claim();
    const { revision } = await datastore.list('/');
    await pass(595);
    expect((await datastore.list('/')).revision).toBe(revision);
    await pass(10);
    expect(SightingRecord.decode('k', datastore.contents().get(sightingKey(ALPHA)) ?? '').at > '2026-01-01T00:09').toBe(
      true,
    );
    expect((await datastore.list('/')).revision).toBe(revision + 1);
  });
});

describe('the name of a node', () => {
  test('that a living daemon of another host has is refused, with who has it, and nothing of its records changes', async () => {
    await tenureOn('one').claim();
    const before = datastore.contents();
    const refused = expect(tenureOn('two').claim()).rejects.toThrow(
      /^the node name alpha belongs to another host, one\.example at 192\.0\.2\.1, whose daemon has run since 2026-01-01T00:00:00\.000Z; give this host a name of its own with --node-name/,
    );
    await pass(20);
    await refused;
    expect(datastore.contents()).toEqual(before);
  });

  test('of a host that was cut from power is taken as soon as its lease runs out', async () => {
    await tenureOn('one').claim();
    let claimed = false;
    const claim = tenureOn('two')
      .claim()
      .then(() => {
        claimed = true;
      });
    await pass(5);
    expect(claimed).toBe(false);
    datastore.leases.expire();
    await pass(1);
    await claim;
    expect(await stateOfAlpha()).toEqual({ state: 'alive' });
  });

  test('is taken at once by another daemon of the same host: the one before it died', async () => {
    await tenureOn('one').claim();
    await tenureOn('one').claim();
    expect(await stateOfAlpha()).toEqual({ state: 'alive' });
  });

  test('is claimed by one of two hosts that come at the same moment', async () => {
    const claims = ['one', 'two'].map((host) => tenureOn(host).claim());
    const settled = Promise.allSettled(claims);
    await pass(20);
    expect((await settled).map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('is waited for while the datastore is away', async () => {
    datastore.goAway();
    const claim = tenureOn('one').claim();
    await pass(60);
    datastore.comeBack();
    await pass(1);
    await claim;
    expect(await stateOfAlpha()).toEqual({ state: 'alive' });
  });
});

describe('when the lease is lost', () => {
  test('it is granted anew, however long the datastore was away', async () => {
    await tenureOn('one').claim();
    datastore.goAway();
    await pass(30);
    datastore.comeBack();
    datastore.leases.expire();
    expect(await stateOfAlpha()).toMatchObject({ state: 'gone' });
    await pass(5);
    expect(await stateOfAlpha()).toEqual({ state: 'alive' });
  });

  test('and another host has taken the name meanwhile, that one keeps it, until it ends', async () => {
    await tenureOn('one').claim();
    datastore.leases.expire();
    const other = tenureOn('two');
    await other.claim();
    await pass(20);
    expect(datastore.contents().get(tenureKey(ALPHA))).toContain('"host":"two"');
    await other.close();
    await pass(5);
    expect(datastore.contents().get(tenureKey(ALPHA))).toContain('"host":"one"');
  });
});
