import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isOurHostEnd } from '../../routing/ownership.js';
import { uninstallDataplane } from '../../routing/uninstall.js';
import type { CorduroyConfig } from '../config/corduroy-config.js';
import type { Logger } from '../effects/logger.js';
import type { PacketFilterBackend } from '../effects/packet-filter.js';
import { BirdDaemon } from '../infrastructure/bird/bird-daemon.js';
import { ExecaCommandRunner } from '../infrastructure/linux/execa-command-runner.js';
import { FsTextFile } from '../infrastructure/linux/fs-text-file.js';
import { openLinuxKernel } from '../infrastructure/linux/linux-kernel.js';
import { ConflictError } from '../model/errors.js';
import type { Link } from '../model/link.js';
import { birdDirectory } from './bgp.js';
import { FORMER_HOST_SETTINGS } from './node-parts.js';

/** What was found of ours before it was taken away. */
export interface Uninstalled {
  readonly endpoints: number;
}

/**
 * Takes everything of ours out of this host's kernel, in both packet filter backends, and puts its own settings back.
 * Records stay. The daemon must not be running.
 *
 * @throws ConflictError while containers are attached, unless `force`
 */
export async function uninstall(
  config: Pick<CorduroyConfig, 'iptablesBackend' | 'dataDir'>,
  { force, log }: { readonly force: boolean; readonly log: Logger },
): Promise<Uninstalled> {
  const former = new FsTextFile(join(config.dataDir, FORMER_HOST_SETTINGS));
  const first = await openLinuxKernel({ backend: config.iptablesBackend, log });
  try {
    // A link in another group is that of a container which has ended, and waits to be deleted.
    const attached = ({ name, group }: Link): boolean => isOurHostEnd(name) && group === 'default';
    const endpoints = (await first.network.links()).filter(attached).length;
    if (endpoints > 0 && !force) {
      throw new ConflictError(
        `${endpoints} ${endpoints === 1 ? 'container is' : 'containers are'} attached to networks of corduroy; remove them first ("docker rm -f"), or cut them off with "corduroy uninstall --force"`,
      );
    }
    const { families } = first;
    await new BirdDaemon({
      directory: birdDirectory(config),
      runner: new ExecaCommandRunner(),
      families,
      log,
    }).retire();
    await uninstallDataplane(first, former);
    const other: PacketFilterBackend = first.backend === 'nft' ? 'legacy' : 'nft';
    if (await holdsChainsOfOurs(other)) {
      const second = await openLinuxKernel({ backend: other, log });
      await uninstallDataplane(second, former).finally(() => second.close());
    }
    return { endpoints };
  } finally {
    first.close();
  }
}

/** A daemon that was set to another backend once may have left chains there. */
async function holdsChainsOfOurs(backend: PacketFilterBackend): Promise<boolean> {
  // Reading legacy tables that are not there would make them.
  if (backend === 'legacy' && legacyTableNames() === '') return false;
  const runner = new ExecaCommandRunner();
  const texts = await Promise.all(
    ['iptables', 'ip6tables'].map((tool) =>
      runner.run(`${tool}-${backend}-save`, []).then(
        ({ stdout }) => stdout,
        () => '',
      ),
    ),
  );
  return texts.some((text) => /^:cord-/m.test(text));
}

function legacyTableNames(): string {
  return ['ip_tables_names', 'ip6_tables_names']
    .map((name) => {
      try {
        return readFileSync(`/proc/self/net/${name}`, 'utf8').trim();
      } catch {
        return '';
      }
    })
    .join('');
}
