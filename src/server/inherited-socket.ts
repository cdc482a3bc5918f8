import { createServer, type RequestListener } from 'node:http';
import { closeHttpServer, HTTP_SERVER_OPTIONS, type UnixSocketServer } from './unix-socket.js';

/** Of the first socket that systemd hands over: SD_LISTEN_FDS_START. */
const FIRST_FD = 3;

/**
 * The file descriptor of a socket that systemd listens on for this process (sd_listen_fds(3)); undefined: it does not.
 * The variables may have been meant for a process that this one was started by.
 */
export function inheritedSocket(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): number | undefined {
  const meantForUs = environment['LISTEN_PID'] === `${pid}`;
  return meantForUs && Number(environment['LISTEN_FDS']) > 0 ? FIRST_FD : undefined;
}

let taken = false;

/** Whether this process has served the socket: closed once, it is closed for good. */
export const isTaken = (): boolean => taken;

/**
 * Serves `listener` on a socket that was there before this process and outlives it: who connects while no daemon runs
 * waits for the next one.
 */
export async function listenOnInheritedSocket(fd: number, listener: RequestListener): Promise<UnixSocketServer> {
  taken = true;
  const server = createServer(HTTP_SERVER_OPTIONS, listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ fd }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return { close: (graceMs) => closeHttpServer(server, graceMs) };
}
