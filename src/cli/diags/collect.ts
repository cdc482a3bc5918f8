import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VERSION } from '../../composition/version.js';
import type { CommandRunner } from '../../effects/command-runner.js';
import { describeError } from '../../model/errors.js';
import type { AdminClient } from '../admin-client.js';
import { redact, withoutLabelValues } from './redact.js';
import type { TarEntry } from './tar.js';

/** What the daemon is asked for, by the path of its admin API. */
const ASKED = [
  'status',
  'check',
  'config',
  'nodes',
  'pools',
  'networks',
  'endpoints',
  'profiles',
  'ipam/utilisation',
  'ipam/blocks',
  'ipam/check',
  'bgp',
  'bgp/peers',
  'bgp/sessions',
  'metrics',
] as const;

/** What a tar archive allows, less the folder. */
const MAX_NAME = 80;
const LOG_LINES = '2000';

/** What the host is asked for, by the file that it goes into. */
const COMMANDS: Readonly<Record<string, readonly (readonly [string, ...string[]])[]>> = {
  'versions.txt': [
    ['uname', '-a'],
    ['cat', '/etc/os-release'],
    ['docker', 'version'],
    ['ip', '-V'],
    ['iptables', '--version'],
    ['ipset', '--version'],
    ['conntrack', '--version'],
    ['bird', '--version'],
  ],
  'links.txt': [
    ['ip', '-d', '-s', 'link'],
    ['ip', 'address'],
    ['ip', 'neighbour'],
  ],
  'routes.txt': [
    ['ip', 'rule'],
    ['ip', '-6', 'rule'],
    ['ip', 'route', 'show', 'table', 'all'],
    ['ip', '-6', 'route', 'show', 'table', 'all'],
  ],
  'rules-nft.txt': [
    ['iptables-nft-save', '-c'],
    ['ip6tables-nft-save', '-c'],
  ],
  'sets.txt': [['ipset', 'save']],
  'connections.txt': [
    ['conntrack', '-C'],
    ['conntrack', '-S'],
  ],
  'sysctls.txt': [['sysctl', '-a', '-r', '^net[.](ipv4|ipv6|bridge|netfilter)[.]']],
  'log.txt': [['journalctl', '-u', 'corduroy', '-n', LOG_LINES, '--no-pager', '-o', 'short-iso']],
  // A managed plugin's lines are in the engine's log.
  'log-docker.txt': [['journalctl', '-u', 'docker', '-n', LOG_LINES, '--no-pager', '-o', 'short-iso']],
};

/** Reading the legacy tables would make them where they are not. */
const LEGACY_RULES = [
  ['iptables-legacy-save', '-c'],
  ['ip6tables-legacy-save', '-c'],
] as const;

/**
 * The files of an archive for a bug report, without secrets. What cannot be had is a file that says why: the archive of
 * a host on which nothing works is still one.
 */
export async function collect(given: {
  readonly client: AdminClient;
  readonly runner: CommandRunner;
  /** Where configuration of BIRD may lie: by the admin socket, and with the daemon's data. */
  readonly directories: readonly string[];
}): Promise<readonly TarEntry[]> {
  const { client, runner, directories } = given;
  const legacy = (await readFile('/proc/self/net/ip_tables_names', 'utf8').catch(() => '')).trim() !== '';
  const commands = { ...COMMANDS, ...(legacy ? { 'rules-legacy.txt': LEGACY_RULES } : {}) };
  const entries = await Promise.all([
    ...ASKED.map((path) => fromDaemon(client, path)),
    ...Object.entries(commands).map(([name, lines]) => fromHost(runner, name, lines)),
    ...directories.map(birdFiles),
  ]);
  const head = { name: 'corduroy.txt', content: `corduroy ${VERSION}\nNode.js ${process.version}\n` };
  return [head, ...entries.flat()].map(({ name, content }) => ({ name, content: redact(content) }));
}

async function fromDaemon(client: AdminClient, path: string): Promise<readonly TarEntry[]> {
  const name = `daemon/${path.replace('/', '-')}.json`;
  try {
    const answer = await client.get<unknown>(`/${path}`);
    const content = typeof answer === 'string' ? answer : JSON.stringify(withoutLabelValues(answer), undefined, 2);
    const profiles = path === 'profiles' && Array.isArray(answer) ? await wholeProfiles(client, answer) : [];
    return [{ name, content }, ...profiles];
  } catch (error) {
    return [{ name, content: `${describeError(error)}\n` }];
  }
}

/** The list of profiles names them; their rules are told one by one. */
async function wholeProfiles(
  client: AdminClient,
  listed: readonly { readonly name?: string }[],
): Promise<readonly TarEntry[]> {
  const whole: unknown[] = [];
  for (const { name = '' } of listed) whole.push(await client.get(`/profiles/${encodeURIComponent(name)}`));
  return [{ name: 'daemon/profiles-whole.json', content: JSON.stringify(whole, undefined, 2) }];
}

async function fromHost(
  runner: CommandRunner,
  name: string,
  commands: readonly (readonly [string, ...string[]])[],
): Promise<readonly TarEntry[]> {
  const texts = await Promise.all(
    commands.map(async ([program, ...words]) => {
      const told = await runner.run(program, words).then(
        ({ stdout, stderr }) => stdout + stderr,
        (error: unknown) => `${describeError(error)}\n`,
      );
      return `# ${[program, ...words].join(' ')}\n${told}`;
    }),
  );
  return [{ name: `host/${name}`, content: texts.join('\n') }];
}

async function birdFiles(directory: string): Promise<readonly TarEntry[]> {
  const found = await readdir(directory, { recursive: true }).catch(() => []);
  const names = found.filter((name) => /bird[^/]*\.conf$/.test(name));
  return Promise.all(
    names.map(async (name) => ({
      name: `host/${name.replaceAll('/', '-')}`.slice(0, MAX_NAME),
      content: await readFile(join(directory, name), 'utf8').catch(describeError),
    })),
  );
}
