import { writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DEFAULT_ADMIN_SOCKET } from '../../config/locations.js';
import { ExecaCommandRunner } from '../../infrastructure/linux/execa-command-runner.js';
import type { AdminClient } from '../admin-client.js';
import { CommandFailure } from '../failure.js';
import { collect } from './collect.js';
import { tar } from './tar.js';

const DATA_DIRECTORY = '/var/lib/corduroy';

export interface Archive {
  readonly file: string;
  readonly bytes: number;
  readonly files: readonly string[];
}

/**
 * Writes the archive, for its owner alone to read.
 *
 * @param file undefined: named for this host and the time, in the working directory
 * @throws CommandFailure if it cannot be written
 */
export async function writeArchive(client: AdminClient, file: string | undefined): Promise<Archive> {
  const now = new Date();
  const time = now.toISOString().slice(0, 19).replace(/[-:]/g, '');
  const path = file ?? `corduroy-diags-${hostname()}-${time}.tar.gz`;
  const directories = [dirname(DEFAULT_ADMIN_SOCKET), DATA_DIRECTORY];
  const entries = await collect({ client, runner: new ExecaCommandRunner(), directories });
  const inFolder = entries.map(({ name, content }) => ({ name: `corduroy-diags/${name}`, content }));
  const archive = gzipSync(tar(inFolder, now));
  await writeFile(path, archive, { mode: 0o600 }).catch((cause: Error) => {
    throw new CommandFailure(`${path} cannot be written: ${cause.message}`, 'name another file with --file');
  });
  return { file: path, bytes: archive.length, files: entries.map(({ name }) => name) };
}
