/**
 * A program: plays another node that writes endpoints into etcd, beside the agent that is measured.
 *
 *   remote-change.js SIZE member URL ROUNDS              ms until the kernel's set has the address of a new endpoint
 *   remote-change.js SIZE route URL ROUNDS               ms until the kernel's routes follow a block and its node
 *   remote-change.js SIZE storm URL PER_SECOND SECONDS   changes endpoints at that rate; the rate that came of it
 *
 * Prints one line of JSON.
 */
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { tagSet } from '../../policy/ip-set-names.js';
import type { Write } from '../../src/effects/datastore.js';
import { silentLogger } from '../../src/effects/logger.js';
import { EtcdDatastore } from '../../src/infrastructure/etcd/etcd-datastore.js';
import { addressAt, type Cidr } from '../../src/model/cidr.js';
import { endpointKey } from '../../src/model/endpoint.js';
import { parseEndpointId, parseTagName } from '../../src/model/ids.js';
import type { IpAddress } from '../../src/model/ip-address.js';
import { addressOfNode, type ClusterSize, HOSTS, SHARED, SIZES, type SizeName } from './cluster-layout.js';
import { claimedBlock, nodeRecord, recordOfEndpoint, spareBlock, syntheticEndpoint } from './synthetic-cluster.js';

const [sizeName, mode, url = '', first = '0', second = '0'] = process.argv.slice(2);
const size = SIZES[sizeName as SizeName];
const store = new EtcdDatastore({ endpoints: [url], credentials: {}, log: silentLogger, deadlineMs: 30_000 });

/** Each joins the tag of everybody's network, and leaves it again. */
async function member(rounds: number): Promise<readonly number[]> {
  const set = tagSet(4, parseTagName(SHARED.name));
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const node = round % size.nodes;
    const id = parseEndpointId(round.toString(16).padStart(64, 'e'));
    const address = addressAt(SHARED.subnet, 2 ** 21 + round);
    const endpoint = { ...syntheticEndpoint(size, node, 0), id, addresses: [address] };
    const begun = performance.now();
    await store.transact({ compares: [], writes: [{ kind: 'put', ...recordOfEndpoint(endpoint) }] });
    while (!isMember(set, address)) await sleep(1);
    times.push(performance.now() - begun);
    await store.transact({ compares: [], writes: [{ kind: 'delete', key: endpointKey(endpoint.node, id) }] });
    await sleep(Math.random() * 50);
  }
  return times;
}

function isMember(set: string, address: string): boolean {
  try {
    execFileSync('ipset', ['-q', 'test', set, address], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A block nobody has is claimed, goes over to another node, that node gets another address, and all is undone. */
async function route(rounds: number): Promise<RouteTimes> {
  const times: RouteTimes = { claimed: [], moved: [], renumbered: [], givenUp: [] };
  for (let round = 0; round < rounds; round++) {
    const [cidr, one, other] = [spareBlock(round), (round * 7) % size.nodes, (round * 7 + 1) % size.nodes];
    const address = addressAt(HOSTS, 2 ** 19 + round);
    const block = claimedBlock(cidr, one);
    times.claimed.push(await untilRouted(cidr, addressOfNode(one), { kind: 'put', ...block }));
    times.moved.push(await untilRouted(cidr, addressOfNode(other), { kind: 'put', ...claimedBlock(cidr, other) }));
    times.renumbered.push(await untilRouted(cidr, address, { kind: 'put', ...nodeRecord(other, address) }));
    await store.transact({ compares: [], writes: [{ kind: 'put', ...nodeRecord(other) }] });
    times.givenUp.push(await untilRouted(cidr, undefined, { kind: 'delete', key: block.key }));
    await sleep(Math.random() * 50);
  }
  return times;
}

/** Of each change, ms from the write until the kernel has it. */
interface RouteTimes {
  readonly claimed: number[];
  readonly moved: number[];
  readonly renumbered: number[];
  readonly givenUp: number[];
}

/** @param gateway undefined: until there is no route */
async function untilRouted(cidr: Cidr, gateway: IpAddress | undefined, write: Write): Promise<number> {
  const begun = performance.now();
  await store.transact({ compares: [], writes: [write] });
  for (;;) {
    const text = execFileSync('ip', ['route', 'show', 'exact', cidr]).toString();
    if (gateway === undefined ? text === '' : text.includes(` via ${gateway} `)) return performance.now() - begun;
    await sleep(1);
  }
}

/** New labels for one endpoint after another, as the containers of a busy cluster come to be known. */
async function storm(perSecond: number, seconds: number, of: ClusterSize): Promise<number> {
  const begun = performance.now();
  const total = perSecond * seconds;
  const inFlight = new Set<Promise<unknown>>();
  for (let done = 0; done < total; done++) {
    const aheadMs = (done / perSecond) * 1_000 - (performance.now() - begun);
    if (aheadMs > 1) await sleep(aheadMs);
    const endpoint = syntheticEndpoint(of, (done * 17) % of.nodes, done % of.endpointsPerNode, done);
    const written = store.transact({ compares: [], writes: [{ kind: 'put', ...recordOfEndpoint(endpoint) }] });
    inFlight.add(written);
    void written.finally(() => inFlight.delete(written));
    if (inFlight.size > 200) await Promise.race(inFlight);
  }
  await Promise.all(inFlight);
  return total / ((performance.now() - begun) / 1_000);
}

const count = Number(first);
const deeds = {
  storm: () => storm(count, Number(second), size),
  route: () => route(count),
  member: () => member(count),
};
const result = await deeds[mode as keyof typeof deeds]();
console.log(JSON.stringify(result));
await store.close();
