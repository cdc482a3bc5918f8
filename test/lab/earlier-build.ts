import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
const BUILDS = join(PROJECT, 'build/earlier');
/** What `corduroy daemon` is made of. */
const PARTS = ['src', 'driver', 'ipam-driver', 'policy', 'routing', 'package.json', 'tsconfig.json'];
/** As long as nothing was released, that many commits before stand for the version before. */
const COMMITS_BACK = 20;

/** A build of the program. */
export interface Build {
  /** Its main.js. */
  readonly program: string;
  /** What it calls itself. */
  readonly version: string;
}

/**
 * The version before this one, built from the history that this clone has: the last release, or else the program of some
 * commits ago, which calls itself by its commit. A sentence that tells why, if it cannot be had. Kept for the next time.
 */
export async function earlierBuild(): Promise<Build | string> {
  const commit = await earlierCommit();
  if (!/^[0-9a-f]{40}$/.test(commit)) return commit;
  const root = join(BUILDS, commit.slice(0, 12));
  const program = join(root, 'build/src/cli/main.js');
  const version = async () => JSON.parse(await readFile(join(root, 'package.json'), 'utf8')).version as string;
  // The folder gets its name last, so that one that is there is whole.
  if (await exists(program)) return { program, version: await version() };
  const unfinished = `${root}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  await execa('sh', ['-c', 'git archive "$1" $3 | tar -x -C "$2"', 'sh', commit, unfinished, PARTS.join(' ')], {
    cwd: PROJECT,
  });
  await nameByCommit(join(unfinished, 'package.json'), commit);
  // Packages are found above it, those of this version. Its types were checked when it was committed.
  const compiler = join(PROJECT, 'node_modules/.bin/tsc');
  await execa(compiler, ['-p', unfinished, '--noCheck', '--incremental', 'false'], { cwd: dirname(unfinished) });
  await rename(unfinished, root);
  return { program, version: await version() };
}

/** A hash, or why there is none. */
async function earlierCommit(): Promise<string> {
  const git = async (...words: readonly string[]): Promise<string> => {
    const { stdout, stderr, exitCode } = await execa('git', words, { cwd: PROJECT, reject: false });
    return exitCode === 0 ? stdout.trim() : `git says: ${(stderr ?? '').trim().split('\n')[0]}`;
  };
  const release = await git('describe', '--tags', '--match', 'v*', '--abbrev=0', 'HEAD^');
  if (/^v\S+$/.test(release)) return git('rev-parse', `${release}^{commit}`);
  const commits = await git('rev-list', '--first-parent', `--max-count=${COMMITS_BACK + 1}`, 'HEAD');
  const [head = '', ...before] = commits.split('\n');
  if (!/^[0-9a-f]{40}$/.test(head)) return head;
  return before.at(-1) ?? 'this clone is shallow: its history ends at the commit that is checked out';
}

async function nameByCommit(packageFile: string, commit: string): Promise<void> {
  const about = JSON.parse(await readFile(packageFile, 'utf8')) as { readonly version: string };
  await writeFile(packageFile, JSON.stringify({ ...about, version: `${about.version}-${commit.slice(0, 7)}` }));
}

const exists = (path: string): Promise<boolean> =>
  readFile(path).then(
    () => true,
    () => false,
  );
