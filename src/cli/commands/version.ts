import type { Command } from 'commander';
import { VERSION } from '../../composition/version.js';
import { CommandFailure } from '../failure.js';
import { examples } from '../help-text.js';
import type { Terminal } from '../terminal.js';

/** `corduroy version`: of this command, and of the daemon if it runs. */
export function defineVersion(version: Command, terminal: Terminal): void {
  examples(
    version.action(async () => {
      const versions = { command: VERSION, daemon: await daemonVersion(terminal) };
      if (await terminal.data(versions)) return;
      terminal.text(`corduroy ${versions.command}\ndaemon ${versions.daemon ?? 'not running'}\n`);
    }),
    ['corduroy version'],
  );
}

async function daemonVersion(terminal: Terminal): Promise<string | null> {
  try {
    return (await terminal.client.get<{ version: string }>('/status')).version;
  } catch (error) {
    if (error instanceof CommandFailure) return null;
    throw error;
  }
}
