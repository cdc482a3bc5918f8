import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

const CGROUP_ROOT = '/sys/fs/cgroup';

/**
 * Removes the control groups below `name` in every hierarchy (one on cgroup v2, a dozen on v1). They outlive the
 * processes that were in them. Waits a little for processes that are still ending.
 */
export async function removeCgroups(name: string): Promise<void> {
  const hierarchies = await readdir(CGROUP_ROOT);
  await Promise.all(['.', ...hierarchies].map((hierarchy) => removeTree(join(CGROUP_ROOT, hierarchy, name))));
}

async function removeTree(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(path, entry.name));
  for (let attempt = 0; attempt < 50; attempt++) {
    const error = await rmdir(path).catch((cause: NodeJS.ErrnoException) => cause);
    if (error?.code !== 'EBUSY') return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
