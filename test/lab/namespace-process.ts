import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

/** The first process of new namespaces: while it lives they do, and everything in its pid namespace dies with it. */
export interface NamespaceProcess {
  /** As this process sees it. */
  readonly pid: number;
  /** Kills it and waits until it is gone. Twice is harmless. */
  end(): Promise<void>;
}

/**
 * Runs `command` under `unshare FLAGS` and waits for the line `ready` on its standard output.
 *
 * The command must end when its standard input closes. So nothing survives this process, not even by `kill -9`.
 */
export async function startNamespaces(flags: readonly string[], command: readonly string[]): Promise<NamespaceProcess> {
  const child = spawn('unshare', [...flags, '--kill-child=KILL', '--fork', '--', ...command], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  const complaints: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk.toString()));
  const ready = await new Promise<boolean>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => line === 'ready' && resolve(true));
    child.once('exit', () => resolve(false));
    child.once('error', () => resolve(false));
  });
  if (!ready) {
    throw new Error(`namespaces could not be made: ${complaints.join('').trim()}; root and unshare are needed`);
  }
  const pid = await onlyChildOf(child);
  return { pid, end: () => end(pid, child, exited) };
}

async function onlyChildOf({ pid }: ChildProcess): Promise<number> {
  return Number((await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim());
}

async function end(pid: number, child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  // While `unshare` lives, the pid is its child's and nobody else's; it ends when that and all below it are gone.
  if (child.exitCode !== null || child.signalCode !== null) return;
  process.kill(pid, 'SIGKILL');
  await exited;
}
