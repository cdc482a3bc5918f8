import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a directory and those above it that are absent; one that is there stays as it is. Each is tried once: Node's own
 * recursive `mkdir` never ends where the kernel answers ENOENT for a name inside a directory that exists, as in /proc.
 *
 * @param mode of the directories that it makes
 * @throws the error of the first directory that can neither be found nor made
 */
export async function makeDirectory(path: string, mode = 0o777): Promise<void> {
  const absent: string[] = [];
  for (let at = path; !(await exists(at)); at = dirname(at)) absent.unshift(at);
  for (const directory of absent) {
    await mkdir(directory, { mode }).catch((error: NodeJS.ErrnoException) => {
      // Another process may have made it in between.
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && dirname(path) !== path) return false;
    throw error;
  }
  throw new Error(`${path} is not a directory`);
}
