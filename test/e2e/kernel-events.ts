import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { LabHost } from '../lab/host.js';

/** What the kernel tells of changes to rules, links, addresses, routes, and to the settings that it announces. */
export interface KernelEvents {
  /** Ends the watching and gives a line for each event. */
  stop(): Promise<readonly string[]>;
}

/** Time for an event to get through a watcher's pipe, in ms. */
const SETTLE_MS = 300;

export async function kernelEvents(host: LabHost): Promise<KernelEvents> {
  const lines: string[] = [];
  const watchers = [
    ['xtables-monitor', '--event'],
    ['ip', '-o', 'monitor', 'link', 'address', 'route', 'netconf'],
  ].map((command) => {
    const [file, ...rest] = host.command(['stdbuf', '-oL', ...command]);
    const child = spawn(file, rest, { stdio: ['pipe', 'pipe', 'ignore'] });
    createInterface({ input: child.stdout }).on('line', (line) => line.trim() !== '' && lines.push(line));
    return child;
  });
  const settle = () => new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  await settle();
  return {
    stop: async () => {
      await settle();
      for (const watcher of watchers) watcher.kill('SIGKILL');
      return lines;
    },
  };
}
