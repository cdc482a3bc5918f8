import type { HostPort, HostPorts, PortTarget } from '../../effects/host-ports.js';
import type { Logger } from '../../effects/logger.js';
import { InvalidRequestError, KernelError } from '../../model/errors.js';
import { findPortHolder, isSctpPortBound, readOrEmpty } from './port-holder.js';
import type { PortListener } from './port-listener.js';
import { TcpListener } from './tcp-listener.js';
import { UdpListener } from './udp-listener.js';

type Conflict = Awaited<ReturnType<HostPorts['reserve']>>[number];
type Bound = { readonly port: HostPort; readonly listener: PortListener };

/** What the kernel says on a host without IPv6 to a socket for both families. */
const NO_IPV6 = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL']);

/**
 * Ports kept by really binding them, so that no other program gets them, in the namespace that this process runs in.
 *
 * Node has no SCTP sockets: those ports are looked up, not kept, and the host itself has to use the container's address.
 */
export class LinuxHostPorts implements HostPorts {
  readonly #owners = new Map<string, Map<string, Bound>>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  async reserve({ owner, ports }: Parameters<HostPorts['reserve']>[0]): Promise<readonly Conflict[]> {
    const had = this.#owners.get(owner);
    const wanted = new Map(ports.map((port) => [keyOf(port), port]));
    const attempts = await Promise.allSettled(
      [...wanted].filter(([key]) => had?.get(key) === undefined).map(([, port]) => this.#bind(port)),
    );
    const done = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
    const bound = done.filter((outcome): outcome is Bound => 'listener' in outcome);
    const conflicts = done.filter((outcome): outcome is Conflict => !('listener' in outcome));
    const failure = attempts.find((attempt) => attempt.status === 'rejected');
    if (failure !== undefined || conflicts.length > 0) {
      await Promise.all(bound.map(({ listener }) => listener.close()));
      if (failure !== undefined) throw failure.reason;
      return conflicts;
    }
    const reserved = this.#owners.get(owner) ?? new Map<string, Bound>();
    for (const each of bound) reserved.set(keyOf(each.port), each);
    if (reserved.size > 0) this.#owners.set(owner, reserved);
    return [];
  }

  serve({ owner, targets }: Parameters<HostPorts['serve']>[0]): void {
    const byKey = new Map<string, PortTarget>(targets.map((target) => [keyOf(target), target]));
    for (const [key, { listener }] of this.#owners.get(owner) ?? []) {
      const target = byKey.get(key);
      const usable = target !== undefined && target.addresses.length > 0;
      listener.serve(usable ? { addresses: target.addresses, port: target.containerPort } : undefined);
    }
  }

  async release(owner: string): Promise<void> {
    const reserved = this.#owners.get(owner);
    this.#owners.delete(owner);
    await Promise.all([...(reserved?.values() ?? [])].map(({ listener }) => listener.close()));
  }

  /** Releases everything: at the daemon's end. */
  async close(): Promise<void> {
    await Promise.all([...this.#owners.keys()].map((owner) => this.release(owner)));
  }

  async #bind(port: HostPort): Promise<Bound | Conflict> {
    if (port.protocol === 'sctp') return this.#lookUpSctp(port);
    try {
      return { port, listener: await bind(port) };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (code === 'EADDRINUSE') return { port, program: await nameOfHolder(port) };
      if (code === 'EADDRNOTAVAIL') {
        throw new InvalidRequestError(
          `host port ${describe(port)} cannot be published: ${port.hostIp} is not an address of this host; use one of "ip address", or leave it out`,
        );
      }
      throw new KernelError(
        `host port ${describe(port)} cannot be reserved (${code}); choose another host port`,
        code,
        { cause: error },
      );
    }
  }

  async #lookUpSctp(port: HostPort): Promise<Bound | Conflict> {
    if (isSctpPortBound(await readOrEmpty('/proc/net/sctp/eps'), port.hostPort)) return { port, program: undefined };
    this.#log.warn(
      { port: port.hostPort },
      'an sctp port is published but cannot be kept from programs of the host, nor be reached by loopback: use the address of the container there',
    );
    return { port, listener: { serve: () => {}, close: async () => {} } };
  }
}

async function bind({ protocol, hostIp, hostPort }: HostPort): Promise<PortListener> {
  const kind = protocol === 'tcp' ? TcpListener : UdpListener;
  if (hostIp !== undefined) return kind.bind({ host: hostIp, port: hostPort, ipv6Only: true });
  try {
    return await kind.bind({ host: '::', port: hostPort, ipv6Only: false });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (NO_IPV6.has(code)) return kind.bind({ host: '0.0.0.0', port: hostPort, ipv6Only: true });
    throw error;
  }
}

async function nameOfHolder(port: HostPort): Promise<string | undefined> {
  const holder = await findPortHolder(port);
  if (holder === undefined) return undefined;
  return holder.pid === process.pid ? 'another published port' : `${holder.name} (process ${holder.pid})`;
}

const keyOf = ({ protocol, hostIp, hostPort }: HostPort): string => `${protocol} ${hostIp ?? '*'} ${hostPort}`;
const describe = ({ protocol, hostIp, hostPort }: HostPort): string =>
  `${hostIp === undefined ? '' : `${hostIp} `}${hostPort}/${protocol}`;
