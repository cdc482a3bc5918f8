import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VERSION } from '../../src/composition/version.js';
import type { LabHost } from './host.js';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
/**
 * Of the registry; kept from one test file to the next, because making and pushing a plugin loads a core for 10 s. One for
 * each engine that the lab's hosts may have: each makes its own, from its Debian's files.
 */
const STORE = join(PROJECT, 'build/test-registry', basename(process.env['CORDUROY_LAB_ROOT'] ?? 'this-machine'));
/** Written last: tells that all is there, and of which build. */
const COMPLETE = join(STORE, 'complete');
const PUBLISH_NEWER = fileURLToPath(new URL('./newer-plugin-version.js', import.meta.url));
const PORT = 5000;

/** Corduroy's managed plugin in a registry on a lab host's own loopback, where engines ask for no TLS. */
export const PLUGIN = `127.0.0.1:${PORT}/corduroy:1`;
/** The same program that calls itself another version, to upgrade to. */
export const NEWER_PLUGIN = `127.0.0.1:${PORT}/corduroy:2`;
export const NEWER_VERSION = VERSION.replace(/\d$/, (digit) => `${(Number(digit) + 1) % 10}`);

let stored: Promise<void> | undefined;

/** Starts a registry on the host that offers {@link PLUGIN} and {@link NEWER_PLUGIN}, as built now. Its engine must run. */
export async function servePlugin(host: LabHost): Promise<void> {
  stored ??= store(host);
  await stored;
  await startRegistry(host);
}

/** `make plugin-push`, unless that was done for this build already. */
async function store(host: LabHost): Promise<void> {
  if ((await modified(COMPLETE)) > (await modified(join(PROJECT, 'build/.tsbuildinfo')))) return;
  await rm(STORE, { recursive: true, force: true });
  await mkdir(STORE, { recursive: true });
  await startRegistry(host);
  await host.run(join(PROJECT, 'packaging/plugin.sh'), 'push', PLUGIN);
  await host.run(process.execPath, PUBLISH_NEWER, PLUGIN, NEWER_PLUGIN, VERSION, NEWER_VERSION);
  await writeFile(COMPLETE, '');
}

async function startRegistry(host: LabHost): Promise<void> {
  const answers = async () => (await host.try(['curl', '-sf', `http://127.0.0.1:${PORT}/v2/`])).exitCode === 0;
  if (await answers()) return;
  const settings = [
    'version: 0.1',
    'log: {level: error}',
    `storage: {filesystem: {rootdirectory: ${STORE}/data}}`,
    `http: {addr: "127.0.0.1:${PORT}"}`,
  ];
  await host.run('sh', '-c', 'printf "%s\\n" "$@" >/run/lab/registry.yml', 'sh', ...settings);
  const registry = host.start('registry', ['docker-registry', 'serve', '/run/lab/registry.yml']);
  await registry.waitUntil(answers, 10_000);
}

const modified = (path: string): Promise<number> =>
  stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
