import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { CommandRunner } from '../../effects/command-runner.js';
import { describeError, InvalidRequestError, KernelError } from '../../model/errors.js';
import { makeDirectory } from '../make-directory.js';

/** Longest path of a unix socket in bytes: sizeof(sun_path) less the final NUL. */
const MAX_SOCKET_PATH = 107;
/** The first version with what the configuration uses. */
const BIRD_2 = /BIRD version (\d+)\./;
const REMEDY = 'install it with "apt-get install bird2", or set routeDistribution to none';

/**
 * That BIRD can run here, before anything depends on it. Makes the directory if it is not there.
 *
 * @throws KernelError if it is not installed, or too old; InvalidRequestError if its directory cannot be used
 */
export async function requireBird(given: {
  readonly runner: CommandRunner;
  /** Of all its files. */
  readonly directory: string;
  readonly socketPath: string;
}): Promise<void> {
  requirePath(given.socketPath);
  await requireVersion(given.runner);
  await requireWritable(given.directory);
}

/** As BIRD takes it in its commands, and the kernel for a socket. */
function requirePath(socketPath: string): void {
  if (Buffer.byteLength(socketPath) <= MAX_SOCKET_PATH && !/["\s]/.test(socketPath)) return;
  throw new InvalidRequestError(
    `BIRD cannot have its control socket at ${socketPath}; set dataDir to a path of at most ${MAX_SOCKET_PATH - '/bird/bird.ctl'.length} bytes without spaces and quotation marks`,
  );
}

async function requireVersion(runner: CommandRunner): Promise<void> {
  const { stderr, stdout } = await runner.run('bird', ['--version']).catch(explained);
  const major = BIRD_2.exec(stderr + stdout)?.[1];
  if (major === '2') return;
  throw new KernelError(
    `routeDistribution bgp needs BIRD 2, and this is "${(stderr + stdout).trim().slice(0, 80)}"; ${REMEDY}`,
    stderr,
  );
}

function explained(error: unknown): never {
  if (!(error instanceof KernelError) || error.detail !== 'ENOENT') throw error;
  throw new KernelError(`routeDistribution bgp needs BIRD 2, and it is not installed; ${REMEDY}`, error.detail);
}

async function requireWritable(directory: string): Promise<void> {
  try {
    await makeDirectory(directory, 0o700);
    await access(directory, constants.W_OK);
  } catch (cause) {
    throw new InvalidRequestError(
      `BIRD's files cannot be written into ${directory} (${describeError(cause)}); see that root can write there, or set dataDir to another directory`,
      { cause },
    );
  }
}
