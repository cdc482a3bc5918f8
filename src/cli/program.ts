import { Command, Help, Option } from 'commander';
import { VERSION } from '../composition/version.js';
import { usageOf } from './help-text.js';
import type { Terminal } from './terminal.js';
import { OUTPUT_FORMATS } from './terminal.js';

/** One word after `corduroy`. Its module is loaded when the word is typed, so that each command starts fast. */
interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<(command: Command, terminal: Terminal) => void>;
}

const ENTRIES: readonly Entry[] = [
  {
    name: 'daemon',
    summary: 'run the plugin and agent in the foreground',
    load: async () => (await import('./commands/daemon.js')).defineDaemon,
  },
  {
    name: 'status',
    summary: 'node, datastore, kernel, BGP sessions, endpoints, and what was found changed and put right',
    load: async () => (await import('./commands/status.js')).defineStatus,
  },
  {
    name: 'check',
    summary: 'prerequisites and coexistence with other firewalls: findings, with the fix',
    load: async () => (await import('./commands/check.js')).defineCheck,
  },
  {
    name: 'pool',
    summary: 'CIDRs that networks and addresses come from',
    load: async () => (await import('./commands/pool.js')).definePool,
  },
  {
    name: 'network',
    summary: 'networks of this host and others',
    load: async () => (await import('./commands/network.js')).defineNetwork,
  },
  {
    name: 'profile',
    summary: 'tags and rules: who may reach whom',
    load: async () => (await import('./commands/profile.js')).defineProfile,
  },
  {
    name: 'endpoint',
    summary: "containers' attachments to networks, by id",
    load: async () => (await import('./commands/endpoint.js')).defineEndpoint,
  },
  {
    name: 'container',
    summary: 'the same, by container name',
    load: async () => (await import('./commands/endpoint.js')).defineContainer,
  },
  {
    name: 'ipam',
    summary: 'addresses: who has them, how many are left, and whether the books agree',
    load: async () => (await import('./commands/ipam.js')).defineIpam,
  },
  {
    name: 'node',
    summary: 'hosts that run the daemon',
    load: async () => (await import('./commands/node.js')).defineNode,
  },
  {
    name: 'bgp',
    summary: 'routes between hosts and with routers outside: sessions, mesh, peers',
    load: async () => (await import('./commands/bgp.js')).defineBgp,
  },
  {
    name: 'diags',
    summary: 'one archive for a bug report, without secrets',
    load: async () => (await import('./commands/diags.js')).defineDiags,
  },
  {
    name: 'migrate',
    summary: "move this host's records from the embedded datastore to etcd or back, once the daemon is stopped",
    load: async () => (await import('./commands/migrate.js')).defineMigrate,
  },
  {
    name: 'uninstall',
    summary: "take everything of corduroy out of this host's kernel, once the daemon is stopped",
    load: async () => (await import('./commands/uninstall.js')).defineUninstall,
  },
  {
    name: 'version',
    summary: 'version of this command and of the daemon',
    load: async () => (await import('./commands/version.js')).defineVersion,
  },
  {
    name: 'completion',
    summary: 'completion of commands and names for bash, zsh and fish',
    load: async () => (await import('./commands/completion.js')).defineCompletion,
  },
];

/** The command line. @param only top words whose commands are wanted; absent: all of them */
export async function buildProgram(terminal: Terminal, only?: readonly string[]): Promise<Command> {
  const program = new Command('corduroy')
    .description('A routed address for each container, and policy in the kernel in front of it.')
    .version(`corduroy ${VERSION}`, '--version', 'version of this command')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(OUTPUT_FORMATS).default('table'))
    .option('--socket <path>', "the daemon's admin socket (env CORDUROY_ADMIN_SOCKET)")
    .helpCommand(true)
    .showHelpAfterError('see --help, or add it after the command for its own help and examples')
    .configureHelp({ commandUsage: (command) => usageOf(command) ?? new Help().commandUsage(command) })
    .exitOverride()
    .configureOutput({ writeOut: terminal.streams.out, writeErr: terminal.streams.err });
  for (const { name, summary, load } of ENTRIES) {
    const command = program.command(name).summary(summary).description(summary);
    if (only === undefined || only.includes(name)) (await load())(command, terminal);
  }
  return program;
}

export const topWords = (): readonly string[] => ENTRIES.map(({ name }) => name);
