import { readdir, readFile, readlink } from 'node:fs/promises';
import type { HostPort } from '../../effects/host-ports.js';

/** State of a listening TCP socket in /proc/net/tcp (TCP_LISTEN, include/net/tcp_states.h). */
const LISTEN = '0A';

/**
 * Inodes of the sockets in a table of /proc/net (`tcp`, `tcp6`, `udp`, `udp6`) that are bound to the port, and for TCP
 * listen on it.
 */
export function inodesOn(
  table: string,
  { protocol, hostPort }: Pick<HostPort, 'protocol' | 'hostPort'>,
): readonly string[] {
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', , state]) => {
      const port = Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16);
      return port === hostPort && (protocol !== 'tcp' || state === LISTEN);
    })
    .flatMap((columns) => columns[9] ?? []);
}

/** Whether an SCTP endpoint is on the port: the sixth column of /proc/net/sctp/eps. */
export const isSctpPortBound = (table: string, port: number): boolean =>
  table
    .split('\n')
    .slice(1)
    .some((line) => line.trim().split(/\s+/)[5] === String(port));

/** The program that has the port, with its pid, as far as /proc tells. Reads every process: for error messages only. */
export async function findPortHolder(
  port: HostPort,
): Promise<{ readonly name: string; readonly pid: number } | undefined> {
  const tables = await Promise.all(
    [port.protocol, `${port.protocol}6`].map((name) => readOrEmpty(`/proc/net/${name}`)),
  );
  const sockets = new Set(tables.flatMap((table) => inodesOn(table, port)).map((inode) => `socket:[${inode}]`));
  if (sockets.size === 0) return undefined;
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || !(await holdsAny(pid, sockets))) continue;
    return { name: (await readOrEmpty(`/proc/${pid}/comm`)).trim(), pid: Number(pid) };
  }
  return undefined;
}

async function holdsAny(pid: string, sockets: ReadonlySet<string>): Promise<boolean> {
  // Processes end while they are looked at.
  const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
  for (const file of files) {
    if (sockets.has(await readlink(`/proc/${pid}/fd/${file}`).catch(() => ''))) return true;
  }
  return false;
}

/** '' for what cannot be read, such as IPv6's tables on a host without IPv6. */
export const readOrEmpty = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
