/**
 * A program: writes a synthetic cluster into an empty etcd, in large transactions.
 *
 *   fill.js URL large|small|tagged       prints how many records and bytes
 */
import { silentLogger } from '../../src/effects/logger.js';
import { EtcdDatastore } from '../../src/infrastructure/etcd/etcd-datastore.js';
import { SIZES, type SizeName } from './cluster-layout.js';
import { type SyntheticRecord, syntheticCluster } from './synthetic-cluster.js';

/** etcd takes 128 operations and 1.5 MB in one transaction. */
const BATCH = { records: 120, bytes: 1_000_000 };
const AT_ONCE = 8;

const [url = '', size] = process.argv.slice(2);
const store = new EtcdDatastore({ endpoints: [url], credentials: {}, log: silentLogger, deadlineMs: 30_000 });
let records = 0;
let bytes = 0;

function* batches(): Generator<readonly SyntheticRecord[]> {
  let batch: SyntheticRecord[] = [];
  let batchBytes = 0;
  for (const record of syntheticCluster(SIZES[size as SizeName])) {
    const length = record.key.length + record.value.length;
    if (batch.length === BATCH.records || batchBytes + length > BATCH.bytes) {
      yield batch;
      batch = [];
      batchBytes = 0;
    }
    batch.push(record);
    batchBytes += length;
    records++;
    bytes += length;
  }
  yield batch;
}

const waiting = batches();
async function work(): Promise<void> {
  for (const batch of waiting) {
    await store.transact({ compares: [], writes: batch.map((record) => ({ kind: 'put', ...record })) });
  }
}
await Promise.all(Array.from({ length: AT_ONCE }, work));
await store.close();
console.log(JSON.stringify({ records, bytes }));
