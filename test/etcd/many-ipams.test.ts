import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ContendedError } from '../../ipam-driver/ledger.js';
import { WatchedBlocks } from '../../src/composition/watched-blocks.js';
import type { Clock } from '../../src/effects/clock.js';
import { silentLogger } from '../../src/effects/logger.js';
import { ClusterCache } from '../../src/infrastructure/cluster-cache.js';
import { EtcdDatastore } from '../../src/infrastructure/etcd/etcd-datastore.js';
import { systemClock } from '../../src/infrastructure/system-clock.js';
import { parseCidr } from '../../src/model/cidr.js';
import { parseNodeName } from '../../src/model/ids.js';
import { EtcdServer, etcdMissing } from './etcd-server.js';
import { Holders, SimulatedNode } from './simulated-node.js';

if (etcdMissing !== undefined) console.warn(`many nodes over etcd are not tried: ${etcdMissing}`);
const withEtcd = etcdMissing === undefined ? describe : describe.skip;

/** So much faster than the wall's: a minute of grace is 0.3 s. */
const SPEED = 200;
const BEGUN = Date.now();
const fastClock: Clock = {
  now: () => new Date(BEGUN + (Date.now() - BEGUN) * SPEED),
  sleep: (ms, signal) => systemClock.sleep(ms / SPEED, signal),
};
const NODES = 24;
const LASTS_MS = 8_000;
/** 16 blocks of 8 addresses: fewer than nodes, so that they borrow, take over and run out. */
const SUBNET = '10.80.0.0/25';

withEtcd('two dozen nodes on one subnet that is too small, over one etcd', () => {
  let etcd: EtcdServer;
  let stores: EtcdDatastore[];
  let view: ClusterCache;
  let blocks: WatchedBlocks;
  beforeAll(async () => {
    etcd = await EtcdServer.start();
    stores = Array.from(
      { length: 4 },
      () => new EtcdDatastore({ endpoints: [etcd.endpoint], credentials: {}, log: silentLogger, deadlineMs: 20_000 }),
    );
    view = new ClusterCache({ datastore: storeOf(0), node: parseNodeName('view'), log: silentLogger });
    await view.ready();
    blocks = new WatchedBlocks({ datastore: storeOf(1) });
  }, 30_000);
  afterAll(async () => {
    await view.close();
    await blocks.close();
    await Promise.all(stores.map((store) => store.close()));
    await etcd.destroy();
  });

  const storeOf = (n: number): EtcdDatastore => stores[n % stores.length] as EtcdDatastore;

  test('start and stop, die and come again, burn and are removed: no address is held twice, and none leaks', async () => {
    const holders = new Holders();
    const nodes = Array.from({ length: NODES }, (_, n) => {
      const parts = { subnet: SUBNET, datastore: storeOf(n), view, blocks, clock: fastClock, holders };
      return new SimulatedNode({ ...parts, name: `n${n}` });
    });
    const admin = (nodes[0] as SimulatedNode).ipam.admin;
    await admin.addPools([{ cidr: parseCidr(SUBNET), blockSize: 29 }]);
    while (view.pools.size === 0) await systemClock.sleep(5);

    const until = Date.now() + LASTS_MS;
    const counts = { deaths: 0, fires: 0 };
    // The first lives on: it removes those that burn.
    const live = async (node: SimulatedNode, n: number): Promise<void> => {
      while (Date.now() < until) {
        const dice = Math.random();
        await node.join();
        if (dice < 0.45) await Promise.all([node.start(), node.start()]);
        else if (dice < 0.85) await Promise.all([node.stop(), node.start().then(() => node.stop())]);
        else if (dice < 0.9) await node.reclaim();
        else if (dice < 0.93) await emptied(node);
        else if (dice < 0.98 || n === 0) {
          if (n > 0) {
            node.dieSoon();
            counts.deaths += 1;
          }
        } else {
          node.burn();
          counts.fires += 1;
          await again(() => admin.releaseNode(parseNodeName(node.name)));
        }
        node.revive();
        const settings = { strictAffinity: dice < 0.5, maxBlocksPerHost: dice < 0.3 ? 1 : null };
        if (n === 1) await again(() => admin.configure(settings));
      }
    };
    await Promise.all(nodes.map(live));
    expect(holders.doubles).toEqual([]);
    expect(holders.count).toBeGreaterThan(100);
    expect(Math.min(counts.deaths, counts.fires)).toBeGreaterThan(0);
    console.info(`${holders.count} addresses had, ${counts.deaths} deaths, ${counts.fires} fires`);

    // What is held is assigned, and nothing else once leaks have come of age.
    await reclaimAll(nodes);
    expect(await assigned(admin)).toBe(BigInt(nodes.reduce((sum, node) => sum + node.containers, 0)));
    expect(
      (await admin.check({ repair: false })).findings.filter(({ kind }) => kind !== 'bound-without-endpoint'),
    ).toEqual([]);
    for (const node of nodes) await emptied(node);
    await reclaimAll(nodes);
    const left = (await storeOf(0).list('/corduroy/v1/')).items.map(({ key }) => key.split('/')[3]);
    expect([...new Set(left)]).toEqual(['addressplan', 'ipamsettings', 'pool']);
  }, 120_000);
});

/** What a person does who is told to try again. */
async function again<T>(deed: () => Promise<T>): Promise<T> {
  for (let left = 5; ; left--) {
    try {
      return await deed();
    } catch (error) {
      if (!(error instanceof ContendedError) || left === 0) throw error;
    }
  }
}

async function emptied(node: SimulatedNode): Promise<void> {
  for (let left = 200; node.containers > 0 && left > 0; left--) await node.stop();
  await node.leave();
}

const assigned = async (admin: SimulatedNode['ipam']['admin']): Promise<bigint> =>
  (await admin.blocks()).reduce((sum, { usage }) => sum + usage.assigned, 0n);

/**
 * Beyond the age at which an address that nobody came for is freed. Two looks in one life are needed for some, and one
 * that was about to die does so in any of the first ones.
 */
async function reclaimAll(nodes: readonly SimulatedNode[]): Promise<void> {
  await fastClock.sleep(11 * 60_000);
  for (let look = 0; look < 5; look++) {
    for (const node of nodes) {
      node.revive();
      await node.reclaim();
    }
    await fastClock.sleep(61_000);
  }
}
