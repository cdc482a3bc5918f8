/**
 * A program: runs groups of tests, one after the other, and ends with the totals: `12 passed, 0 failed, 1 skipped`.
 *
 *   run-tests.js GROUP...
 *
 * What a group may do at once differs: pure tests share the cores; of those with kernels, stores and engines of their
 * own, those that measure time take turns, and all others, which ask only what comes of something, and mostly wait, run
 * three at a time.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

/** Folders whose tests meet a real kernel, store or engine. */
const SERIAL_FOLDERS = ['netns', 'etcd', 'docker', 'lab', 'e2e'];
/** Folders whose tests are too long for every change; some run for each engine (run-engines.ts). */
const LONG_FOLDERS = ['long'];
const folders = (names: readonly string[]) => `/build/test/(.*/)?(${names.join('|')})/`;

/** Of those, files in which it matters how soon something is, or how little is lost. */
const HASTY_FILES = [
  'bgp',
  'cluster-failures',
  'cluster-policy',
  'daemon-command',
  'dataplane-flows',
  'dataplane-resync',
  'host-changes',
  'hostile-requests',
  'invariant-deadlines',
  'invariant-foreign-hands-legacy',
  'invariant-foreign-hands-nft',
  'invariant-reload-storm',
  'invariant-start-storm',
  'resilience',
  'restarts',
  'upgrade',
  'watch-stream',
];
const HASTY = `${folders(SERIAL_FOLDERS)}(${HASTY_FILES.join('|')})\\.test\\.js$`;

const GROUPS: Readonly<Record<string, readonly string[]>> = {
  unit: ['--maxWorkers=100%', '--testPathIgnorePatterns', folders([...SERIAL_FOLDERS, ...LONG_FOLDERS])],
  patient: ['--maxWorkers=3', '--testPathPatterns', folders(SERIAL_FOLDERS), '--testPathIgnorePatterns', HASTY],
  kernel: ['--runInBand', '--testPathPatterns', HASTY],
  netns: ['--runInBand', '--testPathPatterns', folders(['netns'])],
  etcd: ['--runInBand', '--testPathPatterns', folders(['etcd'])],
  docker: ['--runInBand', '--testPathPatterns', folders(['docker', 'lab', 'e2e'])],
  boot: ['--runInBand', '--testPathPatterns', '/build/test/long/boot'],
  ipip: ['--runInBand', '--testPathPatterns', '/build/test/(long|vm)/ipip'],
};

/** The part of jest's JSON report that is used here. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  /** Files that did not get as far as their tests. */
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

async function runGroup(group: string, reportFile: string): Promise<Report> {
  const flags = GROUPS[group];
  if (flags === undefined)
    throw new Error(`no group is called ${group}: choose from ${Object.keys(GROUPS).join(', ')}`);
  console.log(`\n== ${group} tests`);
  // A test that leaves something open is told of, and does not keep the totals from being printed.
  await execa(
    'node_modules/.bin/jest',
    [...flags, '--forceExit', '--passWithNoTests', '--json', '--outputFile', reportFile],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      reject: false,
      env: { NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning', FORCE_COLOR: '0' },
    },
  );
  return JSON.parse(readFileSync(reportFile, 'utf8')) as Report;
}

const scratch = mkdtempSync(join(tmpdir(), 'corduroy-tests-'));
const totals = { passed: 0, failed: 0, skipped: 0 };
for (const group of process.argv.slice(2)) {
  const report = await runGroup(group, join(scratch, `${group}.json`));
  totals.passed += report.numPassedTests;
  totals.failed += report.numFailedTests + report.numRuntimeErrorTestSuites;
  totals.skipped += report.numPendingTests;
  for (const { fullName, status } of report.testResults.flatMap((file) => file.assertionResults)) {
    if (status === 'pending') console.log(`skipped: ${fullName}`);
    if (status === 'failed') console.log(`failed: ${fullName}`);
  }
}
rmSync(scratch, { recursive: true });
console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;
