import type { Command } from 'commander';
import { VERSION } from '../../composition/version.js';
import { CommandFailure, DaemonNotRunning } from '../failure.js';
import { examples } from '../help-text.js';
import type { Terminal } from '../terminal.js';

/** `corduroy version`: of this command, and of the daemon if it runs. */
export function defineVersion(version: Command, terminal: Terminal): void {
  examples(
    version.action(async () => {
      const daemon = await askDaemon(terminal);
      if (await terminal.data({ command: VERSION, daemon: daemon.version })) return;
      terminal.text(`corduroy ${VERSION}\ndaemon ${daemon.version ?? daemon.why}\n`);
    }),
    ['corduroy version'],
  );
}

type Answer = { readonly version: string } | { readonly version: null; readonly why: string };

/** A daemon that cannot be asked is no failure: the command's own version is told all the same. */
async function askDaemon(terminal: Terminal): Promise<Answer> {
  try {
    const { version } = await terminal.client.get<{ version: string }>('/status');
    return { version };
  } catch (error) {
    if (error instanceof DaemonNotRunning) return { version: null, why: 'not running' };
    if (error instanceof CommandFailure) return { version: null, why: `not known: ${error.message}` };
    throw error;
  }
}
