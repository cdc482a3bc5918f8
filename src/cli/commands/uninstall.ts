import type { Command } from 'commander';
import { CorduroyError, splitRemedy } from '../../model/errors.js';
import { CommandFailure } from '../failure.js';
import { examples } from '../help-text.js';
import { refuseBesideDaemon } from '../refuse-beside-daemon.js';
import type { Terminal } from '../terminal.js';

/** `corduroy uninstall`: works without a daemon, and only without one. */
export function defineUninstall(uninstall: Command, terminal: Terminal): void {
  examples(
    uninstall
      .option('--force', 'although containers are attached: they lose their connectivity until they are started anew')
      .action(async ({ force = false }: { force?: boolean }) => {
        await refuseBesideDaemon(
          terminal,
          'the daemon runs, and would put everything back',
          'stop it first, and keep it from starting again',
        );
        const { loadConfig } = await import('../../config/load-config.js');
        const { config, sources } = loadConfig({ flags: new Map(), environment: terminal.streams.environment });
        const { createLogger } = await import('../../infrastructure/json-logger.js');
        const log = await createLogger({ level: 'warn', format: config.logFormat });
        const { uninstall: uninstallHost } = await import('../../composition/uninstall.js');
        const { endpoints } = await uninstallHost(config, { force, log }).catch((error: unknown) => {
          throw error instanceof CorduroyError ? failureOf(error) : error;
        });
        // What a daemon was told by flags, or a plugin by its settings, nobody can know here.
        const elsewhere =
          sources.datastore === 'default' ? ', or in etcd if the daemon was told to keep them there' : '';
        const recordsIn = config.datastore === 'etcd' ? 'etcd' : `${config.dataDir}${elsewhere}`;
        const reply = { endpoints, recordsIn };
        if (await terminal.data(reply)) return;
        const cutOff = endpoints === 0 ? '' : `; ${endpoints} attached to a container were among the links`;
        terminal.text(
          `nothing of corduroy is left in this host's kernel: rules, sets, routes and links are gone${cutOff}\n` +
            `its records stay in ${reply.recordsIn}\n`,
        );
      }),
    ['corduroy uninstall', 'corduroy uninstall --force'],
  );
}

function failureOf({ message }: CorduroyError): CommandFailure {
  const { problem, remedy } = splitRemedy(message);
  return new CommandFailure(problem, remedy ?? 'cure that and run it again: what is gone already does not matter');
}
