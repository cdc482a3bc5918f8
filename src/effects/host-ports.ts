import type { PortProtocol } from '../model/endpoint.js';
import type { IpAddress } from '../model/ip-address.js';

/** A port of the host that something outside would be answered on. */
export interface HostPort {
  readonly protocol: PortProtocol;
  /** Absent: every address of the host, of both families. */
  readonly hostIp?: IpAddress | undefined;
  readonly hostPort: number;
}

/** Where what reaches a port without address translation is passed on to: the kernel translates nothing on loopback. */
export interface PortTarget extends HostPort {
  /** At most one of each family. */
  readonly addresses: readonly IpAddress[];
  readonly containerPort: number;
}

/**
 * The host's own listeners. A published port is answered by address translation before any socket sees the packet, so
 * publishing a port that a program of the host listens on would take its traffic away.
 */
export interface HostPorts {
  /**
   * Keeps the ports from being taken by others on this host, until they are released: all, or none.
   *
   * Returns those that something listens on already, with its name if it can be told; empty: all are reserved.
   * Ports reserved before, by the same owner, are reserved still and are no conflict.
   */
  reserve(request: {
    readonly owner: string;
    readonly ports: readonly HostPort[];
  }): Promise<readonly { readonly port: HostPort; readonly program?: string | undefined }[]>;
  /**
   * Passes on what the host itself sends to the owner's reserved ports, by loopback or by an address of its own; what
   * anyone else sends is refused. Replaces what the owner served before. A port that is not reserved is left out.
   */
  serve(request: { readonly owner: string; readonly targets: readonly PortTarget[] }): void;
  /** Gives back all that the owner reserved; succeeds if it has nothing. */
  release(owner: string): Promise<void>;
}
