import { type Command, Option } from 'commander';
import { CONFIG_KEYS, type ConfigKey, type ConfigName, environmentOf, flagOf } from '../../config/keys.js';
import { CorduroyError, splitRemedy } from '../../model/errors.js';
import { CommandFailure } from '../failure.js';
import { examples } from '../help-text.js';
import { refuseBesideDaemon } from '../refuse-beside-daemon.js';
import type { Terminal } from '../terminal.js';

/** The settings that say where the stores are, as the daemon takes them. */
const SETTINGS = [
  'dataDir',
  'etcd.endpoints',
  'etcd.caFile',
  'etcd.certFile',
  'etcd.keyFile',
  'etcd.username',
  'etcd.passwordFile',
  'nodeName',
] as const satisfies readonly ConfigName[];

/** `corduroy migrate`: works without a daemon, and only without one. */
export function defineMigrate(command: Command, terminal: Terminal): void {
  command.addOption(
    new Option('--to <datastore>', 'where the records go').choices(['etcd', 'embedded']).makeOptionMandatory(),
  );
  for (const name of SETTINGS) {
    const { description }: ConfigKey<unknown> = CONFIG_KEYS[name];
    command.addOption(new Option(`${flagOf(name)} <value>`, `${description} (env ${environmentOf(name)})`));
  }
  command.action(async (options: Record<string, string>) => {
    await refuseBesideDaemon(terminal, 'the daemon runs, and what it writes meanwhile would be lost', 'stop it first');
    const { loadConfig } = await import('../../config/load-config.js');
    const flags = new Map<ConfigName, string>();
    for (const name of SETTINGS) {
      const value = options[new Option(flagOf(name)).attributeName()];
      if (value !== undefined) flags.set(name, value);
    }
    const { config } = loadConfig({ flags, environment: terminal.streams.environment });
    const { createLogger } = await import('../../infrastructure/json-logger.js');
    const log = await createLogger({ level: 'error', format: config.logFormat });
    const { migrateHost } = await import('../../composition/migrate-host.js');
    const destination = options['to'] === 'etcd' ? 'etcd' : 'embedded';
    const { moved, from, to } = await migrateHost(config, destination, log).catch((error: unknown) => {
      throw error instanceof CorduroyError ? failureOf(error) : error;
    });
    if (await terminal.data({ from, to, moved: Object.fromEntries(moved) })) return;
    const counts = [...moved].map(([kind, count]) => `  ${kind.padEnd(16)}${count}\n`).join('');
    const total = [...moved.values()].reduce((sum, count) => sum + count, 0);
    const setting =
      destination === 'etcd'
        ? `datastore: etcd and etcd.endpoints: ${config.etcd.endpoints.join(',')}`
        : 'datastore: embedded';
    terminal.text(
      `moved ${total} records from ${from} to ${to}, and compared them:\n${counts}` +
        `next: set ${setting} in the configuration, and start the daemon; containers notice nothing\n`,
    );
  });
  examples(command, [
    'corduroy migrate --to etcd --etcd-endpoints https://10.0.0.1:2379,https://10.0.0.2:2379',
    'corduroy migrate --to embedded',
  ]);
}

function failureOf({ message }: CorduroyError): CommandFailure {
  const { problem, remedy } = splitRemedy(message);
  return new CommandFailure(problem, remedy ?? 'cure that and run it again');
}
