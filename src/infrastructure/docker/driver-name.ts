import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { askEngine, connectToEngine } from './engine-connection.js';

const DEADLINE_MS = 2_000;

/**
 * Whether a driver's name, as Docker shows it, is that of `plugin`. A managed plugin's bears a tag, and its registry
 * too unless it was installed under an alias: `corduroy:latest`, `registry.example:5000/net/corduroy:1.2`.
 */
export function isDriverOf(plugin: string, driver: string): boolean {
  return driver.replace(/^.*\//, '').replace(/[:@].*$/, '') === plugin;
}

/**
 * The name under which this process is Docker's driver: `plugin`, the name of its socket, unless it is a managed plugin,
 * which goes by the name that it was installed under.
 *
 * @throws what the engine's client throws, if a managed plugin's engine does not tell
 */
export async function ownDriverName(socketPath: string, plugin: string): Promise<string> {
  const id = managedPluginId(readFileSync('/proc/self/mountinfo', 'utf8'));
  if (id === undefined) return plugin;
  const answer = await askEngine(connectToEngine(socketPath), {
    path: `/plugins/${id}/json`,
    method: 'GET',
    abortSignal: AbortSignal.timeout(DEADLINE_MS),
  });
  return z.object({ Name: z.string() }).parse(answer).Name;
}

/** Docker mounts a directory named for the managed plugin over the one of all plugins' sockets. */
export function managedPluginId(mountinfo: string): string | undefined {
  return /\/plugins\/([0-9a-f]{64}) \/run\/docker\/plugins /.exec(mountinfo)?.[1];
}
