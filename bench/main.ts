/**
 * A program: takes the measurements one after the other and prints one table. Ours and what it is compared with run in
 * turn, in the same minute, on hosts of the lab.
 *
 *   main.js [--quick] [calls] [rate] [docker] [claims] [tag] [scale] [packet-path]
 *           [data-path] [message-sizes]      all, if none is named
 */
import { cpus, release } from 'node:os';
import { type BenchHost, benchHost } from './bench-host.js';
import { measureBlockClaims } from './block-claims.js';
import { measureDataPath, plotMessageSizes } from './data-path.js';
import { measureDockerRun } from './docker-run.js';
import { measureEndpointCalls } from './endpoint-calls.js';
import { measureEndpointRate } from './endpoint-rate.js';
import { measurePacketPath } from './packet-path.js';
import { formatTable, type Measurement } from './result-table.js';
import { measureScale } from './scale/measure-scale.js';
import { measureTag } from './scale/measure-tag.js';

const words = process.argv.slice(2);
const quick = words.includes('--quick');
const rows = words.filter((word) => !word.startsWith('--'));
const wanted = (row: string): boolean => rows.length === 0 || rows.includes(row);
const measurements: Measurement[] = [];
const tell = (text: string): void => console.error(`${new Date().toISOString().slice(11, 19)} ${text}`);

async function measure(what: string, taken: Promise<readonly Measurement[]>): Promise<void> {
  tell(what);
  measurements.push(...(await taken));
}

async function measureOn(bench: BenchHost): Promise<void> {
  if (wanted('calls')) await measure(`calls, ${bench.store}`, measureEndpointCalls(bench, quick ? 20 : 200));
  if (wanted('rate')) await measure(`rate, ${bench.store}`, measureEndpointRate(bench, quick ? 100 : 1_000));
  if (wanted('docker') && bench.store === 'embedded') await measure('docker', measureDockerRun(bench, quick ? 5 : 25));
}

if (wanted('claims')) await measure('claims', measureBlockClaims(quick ? 100 : 1_000));
if (wanted('tag')) await measure('tag', measureTag(quick));
const needsBench = ['calls', 'rate', 'docker'].some(wanted);
for (const store of needsBench ? (['embedded', 'etcd'] as const) : []) {
  const bench = await benchHost(store);
  try {
    await measureOn(bench);
  } finally {
    await bench.down();
  }
}
if (wanted('packet-path')) await measure('packet path', measurePacketPath(quick ? 3 : 15));
if (wanted('data-path')) await measure('data path', measureDataPath(quick ? 5 : 15));
if (wanted('message-sizes')) await plotMessageSizes(quick ? 1 : 5);
const scale = wanted('scale') ? await measureScale(quick, tell) : undefined;
const [cpu] = cpus();
console.log(`\n${cpus().length} x ${cpu?.model}, Linux ${release()}, Node ${process.version}\n`);
if (measurements.length > 0) console.log(formatTable(measurements.toSorted((a, b) => a.row.localeCompare(b.row))));
if (scale !== undefined) console.log(`\n${scale}`);
