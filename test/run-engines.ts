/**
 * A program: runs the end-to-end tests on this machine's Docker engine and on those of other Debians, one after the
 * other, and prints what passed where, as a table of Markdown.
 *
 *   run-engines.js [NAME...]      test files by the beginnings of their names; none: all that depend on the engine
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { execa } from 'execa';

/** Releases of Debian whose engines differ: 26.1 and 28.5 when this was written. */
const SUITES = ['trixie', 'sid'];
const ROOTS = 'build/engines';

/** Boots a Debian of one release, whichever engine is asked for: "make test-boot". */
const OTHER_FILES = '/build/test/long/boot';
const EVERY_FILE = '/build/test/(e2e/|long/(container-image|first-day))';

interface Engine {
  readonly version: string;
  /** Of what the lab's hosts are made; undefined: of this machine. */
  readonly root?: string;
}

interface FileReport {
  readonly name: string;
  readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
}

/** Test file -> what came of it. */
type Results = ReadonlyMap<string, string>;

async function engines(): Promise<readonly Engine[]> {
  const found: Engine[] = [{ version: await versionOf(['dockerd']) }];
  for (const suite of SUITES) {
    const root = join(process.cwd(), ROOTS, suite);
    await execa('test/lab/engine-root.sh', [suite, root], { stdio: ['ignore', 'ignore', 'inherit'] });
    found.push({ version: await versionOf(['chroot', root, 'dockerd']), root });
  }
  return found;
}

async function versionOf([file = '', ...words]: readonly string[]): Promise<string> {
  const { stdout } = await execa(file, [...words, '--version']);
  return /version ([\d.]+)/.exec(stdout)?.[1] ?? stdout;
}

async function runOn({ version, root }: Engine, names: readonly string[], reportFile: string): Promise<Results> {
  process.stderr.write(`== Docker ${version}\n`);
  const pattern = names.length === 0 ? EVERY_FILE : `/build/test/(e2e|long)/(${names.join('|')})`;
  await execa(
    'node_modules/.bin/jest',
    [
      ...['--runInBand', '--forceExit', '--testPathPatterns', pattern, '--testPathIgnorePatterns', OTHER_FILES],
      ...['--json', '--outputFile', reportFile],
    ],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      reject: false,
      env: {
        NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning',
        CORDUROY_LONG_TESTS: '1',
        ...(root === undefined ? {} : { CORDUROY_LAB_ROOT: root }),
      },
    },
  );
  const report = JSON.parse(readFileSync(reportFile, 'utf8')) as { readonly testResults: readonly FileReport[] };
  return new Map(
    report.testResults.map(({ name, assertionResults }) => {
      const count = (status: string) => assertionResults.filter((result) => result.status === status).length;
      const failed = assertionResults.filter(({ status }) => status === 'failed');
      for (const { fullName } of failed) process.stderr.write(`failed on ${version}: ${fullName}\n`);
      const skipped = count('pending') === 0 ? '' : `, ${count('pending')} skipped`;
      const bad = failed.length === 0 ? '' : `, **${failed.length} failed**`;
      const cell = assertionResults.length === 0 ? 'did not start' : `${count('passed')} passed${skipped}${bad}`;
      return [basename(name, '.test.js'), cell];
    }),
  );
}

const names = process.argv.slice(2);
const scratch = mkdtempSync(join(tmpdir(), 'corduroy-engines-'));
const columns: { readonly version: string; readonly results: Results }[] = [];
for (const engine of await engines()) {
  const results = await runOn(engine, names, join(scratch, `${engine.version}.json`));
  columns.push({ version: engine.version, results });
}
rmSync(scratch, { recursive: true });

const files = [...new Set(columns.flatMap(({ results }) => [...results.keys()]))].toSorted();
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
console.log(row(['tests', ...columns.map(({ version }) => `Docker ${version}`)]));
console.log(row(['---', ...columns.map(() => '---')]));
for (const file of files) console.log(row([file, ...columns.map(({ results }) => results.get(file) ?? 'not run')]));
const bad = columns.some(({ results }) => [...results.values()].some((cell) => /fail|start/.test(cell)));
process.exitCode = bad || files.length === 0 ? 1 : 0;
