import { chmod, lstat, rename, unlink } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { makeDirectory } from '../infrastructure/make-directory.js';
import { ConflictError, InvalidRequestError } from '../model/errors.js';

/** Longest path of a unix socket in bytes: sizeof(sun_path) (108) less the final NUL. */
const MAX_SOCKET_PATH = 107;
const SWEEP_INTERVAL_MS = 20;

/**
 * Docker's client sends a request whose idle connection we closed at that moment once more without its body, so we never
 * close one on our own.
 */
export const HTTP_SERVER_OPTIONS = { requireHostHeader: false, keepAliveTimeout: 0 } as const;
const GRACE_MS = 5_000;
/** Connections that may wait to be taken, as far as the kernel's net.core.somaxconn goes: a thousand calls come at once. */
const BACKLOG = 4_096;

export interface UnixSocketServer {
  /** Takes no new request, answers those in progress, and removes the socket. Connections still open after `graceMs` are cut. */
  close(graceMs?: number): Promise<void>;
}

/**
 * Serves `listener` on a socket that only root may use. It appears under its name in one step, when it can answer.
 *
 * A socket that is left from a run before is replaced; one that somebody answers on is not.
 *
 * @throws ConflictError if the path is in use, InvalidRequestError if it cannot be a socket's
 */
export async function listenOnUnixSocket(path: string, listener: RequestListener): Promise<UnixSocketServer> {
  const temporary = join(dirname(path), `.new-${process.pid}`);
  if (Math.max(Buffer.byteLength(path), Buffer.byteLength(temporary)) > MAX_SOCKET_PATH) {
    throw new InvalidRequestError(
      `the socket path ${path} is longer than ${MAX_SOCKET_PATH} bytes: choose a shorter one`,
    );
  }
  await makeDirectory(dirname(path)).catch((cause: Error) => {
    const why = `the directory of the socket ${path} cannot be made (${cause.message})`;
    throw new InvalidRequestError(`${why}: choose another path`, { cause });
  });
  await refuseIfInUse(path);
  const server = createServer(HTTP_SERVER_OPTIONS, listener);
  try {
    await unlink(temporary).catch(ignoreAbsent);
    await listening(server, temporary);
    await chmod(temporary, 0o600);
    await rename(temporary, path);
  } catch (error) {
    const why = `the socket ${path} cannot be made (${(error as Error).message})`;
    throw new InvalidRequestError(`${why}: see that its directory can be written, or choose another path`, {
      cause: error,
    });
  }
  const { ino } = await lstat(path);
  return { close: (graceMs) => closeServer(server, path, ino, graceMs) };
}

async function refuseIfInUse(path: string): Promise<void> {
  const stats = await lstat(path).catch(ignoreAbsent);
  if (stats === undefined) return;
  if (!stats.isSocket()) throw new InvalidRequestError(`${path} is there and is not a socket: move it away`);
  if (!(await answers(path))) return;
  throw new ConflictError(`a program answers on ${path} already: is another corduroy daemon running? stop it first`);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      // A full backlog (EAGAIN) is a program that listens.
      else if (error.code === 'EAGAIN') resolve(true);
      else reject(new ConflictError(`${path} cannot be tried: ${error.message}`, { cause: error }));
    });
  });
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path, backlog: BACKLOG }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function closeServer(server: Server, path: string, ino: number, graceMs?: number): Promise<void> {
  const now = await lstat(path).catch(ignoreAbsent);
  // Another daemon may have taken the name over: its socket stays.
  if (now !== undefined && now.ino === ino) await unlink(path).catch(ignoreAbsent);
  await closeHttpServer(server, graceMs);
}

/** Takes no new connection, and answers the requests in progress on those that are open. */
export async function closeHttpServer(server: Server, graceMs = GRACE_MS): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A connection becomes idle when the request on it is answered, and would then stay open.
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_INTERVAL_MS);
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(timer);
}

function ignoreAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
