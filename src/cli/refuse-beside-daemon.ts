import { CommandFailure, DaemonNotRunning } from './failure.js';
import type { Terminal } from './terminal.js';

/** For commands that do the daemon's work without it. @throws CommandFailure if it answers */
export async function refuseBesideDaemon(terminal: Terminal, problem: string, remedy: string): Promise<void> {
  try {
    await terminal.client.get('/status');
  } catch (error) {
    if (error instanceof DaemonNotRunning) return;
    throw error;
  }
  throw new CommandFailure(problem, remedy);
}
