/**
 * A program: plays the agents of other nodes. Each has three watches of its own, of what an agent watches, and reads every
 * record that it is told of. What an agent would then do to its kernel is not done.
 *
 *   followers.js URL AGENTS       says `ready`; then one line for each endpoint that comes, when all agents have heard of
 *                                 it: its id, and when each did, in ms since 1970
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Change } from '../../src/effects/datastore.js';
import { silentLogger } from '../../src/effects/logger.js';
import { clusterTables, followedTogether } from '../../src/infrastructure/cluster-tables.js';
import { EtcdConnection } from '../../src/infrastructure/etcd/etcd-connection.js';
import { bytes, revisionOf } from '../../src/infrastructure/etcd/etcd-messages.js';
import { PrefixStream } from '../../src/infrastructure/etcd/watch-stream.js';
import { BlockRecord } from '../../src/model/block.js';
import { EndpointRecord } from '../../src/model/endpoint.js';

const AGENTS_PER_CONNECTION = 25;
const DEADLINE_MS = 60_000;

const [url = '', count = '0'] = process.argv.slice(2);
const agents = Number(count);
const tables = clusterTables(() => {});
const groups = followedTogether(tables).map((kinds) => kinds.map((kind) => tables[kind].prefix));
/** When which agent heard of an endpoint for the first time. */
const heard = new Map<string, number[]>();

function hear(changes: readonly Change[], known: Set<string>): void {
  for (const change of changes) {
    if (change.kind === 'put') JSON.parse(change.value);
    if (change.kind === 'delete' || !change.key.startsWith(EndpointRecord.prefix) || known.has(change.key)) continue;
    known.add(change.key);
    const times = heard.get(change.key) ?? [];
    heard.set(change.key, times);
    times.push(performance.timeOrigin + performance.now());
    if (times.length === agents) console.log(JSON.stringify({ id: change.key.split('/').at(-1), times }));
  }
}

const ended: Promise<string>[] = [];
for (let agent = 0; agent < agents; agent += AGENTS_PER_CONNECTION) {
  const connection = new EtcdConnection({
    endpoints: [url],
    credentials: {},
    deadlineMs: DEADLINE_MS,
    log: silentLogger,
  });
  const { header } = await connection.call('always', ({ kv }, options) =>
    kv.range({ key: bytes(BlockRecord.prefix), keys_only: true }, options),
  );
  for (let n = agent; n < Math.min(agents, agent + AGENTS_PER_CONNECTION); n++) {
    const known = new Set<string>();
    for (const watched of [...groups, [BlockRecord.prefix]]) {
      const stream = new PrefixStream({
        stream: await connection.watchStream(),
        prefixes: watched,
        from: revisionOf(header.revision) + 1,
        createdWithinMs: DEADLINE_MS,
        onChanges: (changes) => hear(changes, known),
      });
      ended.push(stream.ended);
    }
  }
}
// The last watch is confirmed a moment after it was asked for.
await sleep(1_000);
console.log('ready');
console.error(await Promise.race(ended));
