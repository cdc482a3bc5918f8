import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { KernelError } from '../../model/errors.js';
import { withDeadline } from '../deadline.js';
import type { BirdControl } from './bird-control.js';

const PAUSE_MS = 10;
const END_MS = 5_000;

/**
 * The BIRD whose pid stands in the file, if it still runs. A pid that went to another program since is none: our BIRD
 * has the path of its control socket on its command line.
 */
export async function pidOfBird(pidFile: string, socketPath: string): Promise<number | undefined> {
  const pid = Number((await readFile(pidFile, 'utf8').catch(() => '')).trim());
  return Number.isInteger(pid) && pid > 1 && isBird(pid, socketPath) ? pid : undefined;
}

function isBird(pid: number, socketPath: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return /(^|\/)bird$/.test(words[0] ?? '') && words.includes(socketPath);
  } catch {
    return false;
  }
}

/** Waits until it is gone. @throws KernelError if it is not */
export async function untilGone(pid: number, socketPath: string): Promise<void> {
  for (const deadline = performance.now() + END_MS; isBird(pid, socketPath); await sleep(PAUSE_MS)) {
    if (performance.now() > deadline) {
      throw new KernelError(`BIRD (process ${pid}) does not end; look at it with "ps" and end it`, '');
    }
  }
}

/** Waits until the one at the other end is gone. @throws KernelError if it is not */
export const untilClosed = ({ closed }: Pick<BirdControl, 'closed'>): Promise<void> =>
  withDeadline(closed, END_MS, () => new KernelError('BIRD does not end; look at it with "ps" and end it', ''));
