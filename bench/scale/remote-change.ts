/**
 * A program: plays another node that writes endpoints into etcd, beside the agent that is measured.
 *
 *   remote-change.js SIZE member URL ROUNDS              ms until the kernel's set has the address of a new endpoint
 *   remote-change.js SIZE route URL ROUNDS               ms until the kernel has the route to a block that a node claims
 *   remote-change.js SIZE storm URL PER_SECOND SECONDS   changes endpoints at that rate; the rate that came of it
 *
 * Prints one line of JSON.
 */
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { tagSet } from '../../policy/ip-set-names.js';
import { silentLogger } from '../../src/effects/logger.js';
import { EtcdDatastore } from '../../src/infrastructure/etcd/etcd-datastore.js';
import { addressAt } from '../../src/model/cidr.js';
import { endpointKey } from '../../src/model/endpoint.js';
import { parseEndpointId, parseTagName } from '../../src/model/ids.js';
import {
  type ClusterSize,
  recordOfEndpoint,
  SHARED,
  SIZES,
  type SizeName,
  syntheticBlock,
  syntheticEndpoint,
} from './synthetic-cluster.js';

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

/** Each is claimed, and given up again. */
async function route(rounds: number): Promise<readonly number[]> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const block = syntheticBlock((round * 7) % size.nodes, round);
    const cidr = block.key.slice(block.key.lastIndexOf('/') + 1).replace('-', '/');
    const begun = performance.now();
    await store.transact({ compares: [], writes: [{ kind: 'put', ...block }] });
    while (execFileSync('ip', ['route', 'show', 'exact', cidr]).length === 0) await sleep(1);
    times.push(performance.now() - begun);
    await store.transact({ compares: [], writes: [{ kind: 'delete', key: block.key }] });
    await sleep(Math.random() * 50);
  }
  return times;
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
