/** A thread's program: speaks to etcd for the daemon, see ThreadedEtcdDatastore. */
import { parentPort, workerData } from 'node:worker_threads';
import type { FollowUpdate, Watch } from '../../effects/datastore.js';
import type { Logger } from '../../effects/logger.js';
import { DatastoreUnavailableError, describeError } from '../../model/errors.js';
import type { EtcdCredentials } from './etcd-config.js';
import { EtcdDatastore } from './etcd-datastore.js';
import type { EtcdCalls, LogLevel, ThreadBeginning, ThreadReply, ThreadRequest } from './thread-messages.js';

/** Parts of a snapshot that are on their way at once: the reader's event loop has its turn in between. */
const PARTS_ON_THEIR_WAY = 2;

const port = parentPort;
if (port === null) throw new Error('this is the program of a thread');
const tell = (reply: ThreadReply): void => port.postMessage(reply);

const { endpoints, credentials, deadlineMs, probeMs } = workerData as ThreadBeginning;
const store = new EtcdDatastore({
  endpoints,
  credentials: withBuffers(credentials),
  log: tellingLogger(),
  deadlineMs,
  probeMs,
  onHealth: (health) => tell({ kind: 'health', health }),
});

const calls: EtcdCalls = {
  asked: () => store.asked,
  get: (key) => store.get(key),
  list: (prefix) => store.list(prefix),
  transact: (transaction) => store.transact(transaction),
  grant: (ttlSeconds) => store.leases.grant(ttlSeconds),
  renew: (lease) => store.leases.renew(lease),
  revoke: (lease) => store.leases.revoke(lease),
  transactLeased: (lease, transaction) => store.leases.transact(lease, transaction),
};

/** One that follows, and how it is told that the reader has room again. */
interface Following {
  readonly watch: Watch;
  taken(): void;
}
const followings = new Map<number, Following>();

port.on('message', (request: ThreadRequest) => {
  switch (request.kind) {
    case 'call':
      void answer(request.id, () =>
        (calls[request.method] as (...words: unknown[]) => Promise<unknown>)(...request.words),
      );
      break;
    case 'follow':
      followings.set(request.id, follow(request.id, request.prefixes));
      break;
    case 'taken':
      followings.get(request.id)?.taken();
      break;
    case 'unfollow':
      void answer(request.id, () => unfollow(request.id));
      break;
    case 'close':
      void store.close().then(() => port.close());
      break;
  }
});

async function answer(id: number, deed: () => Promise<unknown> | undefined): Promise<void> {
  try {
    tell({ kind: 'result', id, value: await deed() });
  } catch (error) {
    const unavailable = error instanceof DatastoreUnavailableError;
    tell({ kind: 'failure', id, unavailable, message: unavailable ? error.message : describeError(error) });
  }
}

function follow(id: number, prefixes: readonly string[]): Following {
  let onTheirWay = 0;
  let goOn = (): void => {};
  const watch = store.follow(prefixes, (update: FollowUpdate) => {
    tell({ kind: 'update', id, update });
    if (update.kind === 'changes' || ++onTheirWay < PARTS_ON_THEIR_WAY) return undefined;
    return new Promise<void>((resolve) => {
      goOn = resolve;
    });
  });
  const taken = (): void => {
    onTheirWay--;
    goOn();
  };
  return { watch, taken };
}

function unfollow(id: number): Promise<void> | undefined {
  const following = followings.get(id);
  followings.delete(id);
  const closed = following?.watch.close();
  // It may be waiting for room.
  following?.taken();
  return closed;
}

/** Errors become texts, as the log writes them: they may hold what cannot be sent. */
function tellingLogger(): Logger {
  const at = (level: LogLevel) => (fields: object, message: string) => {
    const texts = Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error ? describeError(value) : value,
    ]);
    tell({ kind: 'log', level, fields: Object.fromEntries(texts), message });
  };
  const logger = { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
  return { ...logger, child: tellingLogger };
}

/** Between threads a Buffer becomes a plain array of bytes, which gRPC does not take for a certificate. */
function withBuffers({ credentials, ...rest }: EtcdCredentials): EtcdCredentials {
  if (credentials === undefined) return rest;
  const buffers = Object.entries(credentials).map(([name, bytes]) => [name, Buffer.from(bytes as Uint8Array)]);
  return { ...rest, credentials: Object.fromEntries(buffers) };
}
