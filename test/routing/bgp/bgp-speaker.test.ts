import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { BgpSpeaker } from '../../../routing/bgp/bgp-speaker.js';
import { silentLogger } from '../../../src/effects/logger.js';
import type { Configuration, DaemonSession, RoutingDaemon } from '../../../src/effects/routing-daemon.js';
import { ClusterCache } from '../../../src/infrastructure/cluster-cache.js';
import { BgpPeerRecord, bgpPeerKey } from '../../../src/model/bgp-peer.js';
import { parseCidr } from '../../../src/model/cidr.js';
import { EndpointRecord, endpointKey } from '../../../src/model/endpoint.js';
import { KernelError, RoutingConfigRefusedError } from '../../../src/model/errors.js';
import { parseEndpointId } from '../../../src/model/ids.js';
import { type Node, NodeRecord, nodeKey } from '../../../src/model/node.js';
import type { Route } from '../../../src/model/route.js';
import { aNode, aPeer, aReflector } from '../../builders/bgp-cases.js';
import { anEndpoint } from '../../builders/policy-world.js';
import { InMemoryDatastore } from '../../fakes/in-memory-datastore.js';

/** A daemon that remembers what it was told, and dies, refuses or hangs when a test wants it. */
class RecordingDaemon implements RoutingDaemon {
  readonly configurations: string[] = [];
  starts = 0;
  fault: Error | undefined;
  told: readonly DaemonSession[] = [];
  released = false;
  /** Else there are routes that one before it has left. */
  atRest = false;
  #running = false;
  #listener = (): void => {};

  async run(configuration: Configuration, way: 'live' | 'anew'): Promise<'reconfigured' | 'started'> {
    if (this.fault !== undefined) throw this.fault;
    this.configurations.push(configuration(2_080));
    if (this.#running && way === 'live') return 'reconfigured';
    this.#running = true;
    this.starts++;
    return 'started';
  }
  async isAtRest(): Promise<boolean> {
    return this.atRest && !this.#running;
  }
  async sessions(): Promise<readonly DaemonSession[]> {
    if (!this.#running) throw new KernelError('BIRD does not run; it is started again', '');
    return this.told;
  }
  async unreachable(): Promise<number> {
    return 0;
  }
  onEnd(listener: () => void): void {
    this.#listener = listener;
  }
  die(): void {
    this.#running = false;
    this.#listener();
  }
  release(): void {
    this.released = true;
  }
  async retire(): Promise<void> {}
}

let datastore: InMemoryDatastore;
let view: ClusterCache;
let daemon: RecordingDaemon;
let speaker: BgpSpeaker;
let blocks: readonly Route[];
let blocksChanged: () => void;

const put = (...nodes: readonly Node[]) =>
  datastore.transact({
    compares: [],
    writes: nodes.map((node) => ({ kind: 'put', key: nodeKey(node.name), value: NodeRecord.encode(node) })),
  });
const neighbours = (): number => daemon.configurations.at(-1)?.match(/^ {2}neighbor /gm)?.length ?? -1;
/** Lets what waits for these milliseconds happen, and what follows from it. */
const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

beforeEach(async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  datastore = new InMemoryDatastore();
  view = new ClusterCache({ datastore, node: aNode(1).name, log: silentLogger });
  daemon = new RecordingDaemon();
  blocks = [];
  speaker = new BgpSpeaker({
    view,
    node: aNode(1).name,
    ownBlocks: {
      ready: async () => {},
      blackholes: () => blocks,
      subscribe: (listener) => {
        blocksChanged = listener;
        return () => {};
      },
    },
    daemon,
    families: [4],
    logFile: '/bird.log',
    log: silentLogger,
  });
  await put(aNode(1));
});
afterEach(async () => {
  await speaker.stop();
  await view.close();
  jest.useRealTimers();
});

test('changes that come together become one configuration', async () => {
  await speaker.start();
  expect(daemon.configurations).toHaveLength(1);
  for (let n = 2; n <= 9; n++) await put(aNode(n));
  await pass(300);
  expect(neighbours()).toBe(8);
  expect(daemon.configurations.length).toBeLessThanOrEqual(3);
});

test('without a peer none is started; the first one starts it, and it stays when the last goes', async () => {
  daemon.atRest = true;
  await speaker.start();
  await bringEndpoints(10_000);
  expect(daemon.starts).toBe(0);
  expect(await speaker.status()).toEqual({ sessions: [], problems: [] });
  await put(aNode(2));
  await pass(300);
  expect(daemon.starts).toBe(1);
  expect(neighbours()).toBe(1);
  await datastore.transact({ compares: [], writes: [{ kind: 'delete', key: nodeKey(aNode(2).name) }] });
  await pass(300);
  expect(daemon.configurations).toHaveLength(2);
});

test('what does not concern routes between hosts is no reason for a configuration', async () => {
  await speaker.start();
  await put(aNode(1, { labels: { rack: '1' } }));
  await pass(20_000);
  expect(daemon.configurations).toHaveLength(1);
});

test('a block of its own is known at once', async () => {
  await speaker.start();
  await pass(300);
  blocks = [{ kind: 'blackhole', destination: parseCidr('10.64.0.0/26') }];
  blocksChanged();
  await pass(20);
  expect(daemon.configurations.at(-1)).toContain('10.64.0.0/26{27,32}');
});

/** So many endpoints of this node come. */
async function bringEndpoints(count: number, from = 0): Promise<void> {
  const writes = Array.from({ length: count }, (_, n) => {
    const id = parseEndpointId((from + n).toString(16).padStart(64, '0'));
    const endpoint = anEndpoint(1, { node: aNode(1).name, id });
    return {
      kind: 'put',
      key: endpointKey(endpoint.node, endpoint.id),
      value: EndpointRecord.encode(endpoint),
    } as const;
  });
  for (let at = 0; at < count; at += 100)
    await datastore.transact({ compares: [], writes: writes.slice(at, at + 100) });
  await pass(15_000);
}

test('a BIRD that has seen ten thousand endpoints is started anew, once', async () => {
  await speaker.start();
  await put(aNode(2));
  await bringEndpoints(9_999);
  expect(daemon.starts).toBe(1);
  await bringEndpoints(1, 9_999);
  expect(daemon.starts).toBe(2);
  await pass(60_000);
  expect(daemon.starts).toBe(2);
});

test('it is left alone where it has a peer that is no node, and may not keep its routes meanwhile', async () => {
  await speaker.start();
  const peer = aPeer('10.99.0.1');
  await datastore.transact({
    compares: [],
    writes: [{ kind: 'put', key: bgpPeerKey(peer), value: BgpPeerRecord.encode(peer) }],
  });
  await bringEndpoints(10_000);
  expect(daemon.starts).toBe(1);
});

test('nothing is said of a node before its record has an address, and status tells why', async () => {
  await put(aNode(1, { ip: undefined }));
  await speaker.start();
  expect(daemon.configurations).toEqual([]);
  expect((await speaker.status()).problems).toEqual([
    'this node has no address for BGP; give nodeIp or nodeIp6, or see nodeIpDetect',
  ]);
  await put(aNode(1));
  expect(await speaker.settled()).toBeUndefined();
  expect((await speaker.status()).problems).toEqual([]);
});

test('a refused configuration is told of, and not tried again until another is due', async () => {
  await speaker.start();
  daemon.fault = new RoutingConfigRefusedError('BIRD refuses its configuration', 'no');
  await put(aNode(2));
  expect(await speaker.settled()).toBe('BIRD refuses its configuration');
  daemon.fault = undefined;
  await pass(60_000);
  expect(daemon.configurations).toHaveLength(1);
  expect((await speaker.status()).problems).toEqual(['BIRD refuses its configuration']);
  await put(aNode(3));
  expect(await speaker.settled()).toBeUndefined();
  expect(neighbours()).toBe(2);
});

test('a refused configuration that is taken back leaves the former one in force', async () => {
  await speaker.start();
  daemon.fault = new RoutingConfigRefusedError('BIRD refuses its configuration', 'no');
  await put(aNode(2));
  await speaker.settled();
  await datastore.transact({ compares: [], writes: [{ kind: 'delete', key: nodeKey(aNode(2).name) }] });
  expect(await speaker.settled()).toBeUndefined();
});

test('a daemon that dies is started again: soon, then after longer and longer', async () => {
  await speaker.start();
  daemon.die();
  expect((await speaker.status()).problems).toEqual([
    'BIRD ended by itself and is started again; routes stay meanwhile',
  ]);
  await pass(400);
  expect(daemon.starts).toBe(2);
  for (let times = 0; times < 6; times++) {
    daemon.die();
    await pass(7_000);
  }
  const before = daemon.starts;
  daemon.die();
  await pass(1_000);
  expect(daemon.starts).toBe(before);
  await pass(31_000);
  expect(daemon.starts).toBe(before + 1);
  expect((await speaker.status()).problems).toEqual([]);
});

test('one that cannot be started is tried again until it can', async () => {
  daemon.fault = new KernelError('BIRD does not start: no', '');
  await speaker.start();
  expect((await speaker.status()).problems).toEqual(['BIRD does not start: no']);
  daemon.fault = undefined;
  await pass(1_000);
  expect(daemon.starts).toBe(1);
  expect((await speaker.status()).problems).toEqual([]);
});

test('every session that should be is shown, also one that the daemon does not tell of', async () => {
  await put(aNode(2), aNode(3));
  await speaker.start();
  const since = new Date('2026-01-01T00:00:00Z');
  const name = 'cluster_10_99_0_12';
  daemon.told = [{ name, state: 'established', since, imported: 4, exported: 1, error: 'Received: an old one' }];
  expect((await speaker.status()).sessions).toEqual([
    {
      peer: 'h2',
      address: '10.99.0.12',
      asNumber: 64_512,
      type: 'mesh',
      state: 'established',
      since,
      imported: 4,
      exported: 1,
      error: undefined,
    },
    expect.objectContaining({ peer: 'h3', state: 'down', since: undefined, imported: 0 }),
  ]);
});

test('sessions between nodes that get other terms begin again together, without a good-bye; others change live', async () => {
  await put(aNode(2), aNode(3));
  await speaker.start();
  await put(aNode(4));
  await speaker.settled();
  expect(daemon.starts).toBe(1);
  await put(aReflector(1));
  await speaker.settled();
  expect(daemon.starts).toBe(2);
  await put(aNode(2, { asNumber: 65_000 }));
  await speaker.settled();
  expect(daemon.starts).toBe(3);
  await put(aReflector(3));
  await speaker.settled();
  expect(daemon.starts).toBe(3);
  await datastore.transact({ compares: [], writes: [{ kind: 'delete', key: nodeKey(aNode(4).name) }] });
  await speaker.settled();
  expect(daemon.starts).toBe(3);
});

test('that it stops is no reason for the daemon to end', async () => {
  await speaker.start();
  await speaker.stop();
  expect(daemon.released).toBe(true);
  await put(aNode(2));
  await pass(60_000);
  expect(daemon.configurations).toHaveLength(1);
});
