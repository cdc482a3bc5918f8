/** What the daemon tells of one of its sessions. */
export interface DaemonSession {
  /** As the configuration names it. */
  readonly name: string;
  /** In lower case: `established`, `connect`, `active`, `down` ... */
  readonly state: string;
  /** Of the latest change of state. */
  readonly since: Date | undefined;
  readonly imported: number;
  readonly exported: number;
  readonly error: string | undefined;
}

/** Its text, for a daemon that writes routes of this metric. */
export type Configuration = (metric: number) => string;

/**
 * The program that exchanges routes with other hosts and writes them into the kernel. It outlives us: while we are away,
 * its sessions and routes stay, and the next of us finds it running.
 */
export interface RoutingDaemon {
  /**
   * Makes it run with this configuration. One that runs takes it over, `live`: sessions that stay as they are notice
   * nothing, and one that changes ends and begins. Or it is started `anew`: every session begins again, and what peers
   * that know graceful restart told stays, here, and there. Where none runs it is started, and goes on likewise.
   *
   * @throws RoutingConfigRefusedError: the former configuration stays in force
   * @throws KernelError if it cannot be started, or does not answer
   */
  run(configuration: Configuration, way: 'live' | 'anew'): Promise<'reconfigured' | 'started'>;
  /** Whether it neither runs nor has left routes in the kernel: who has no peers needs none. @throws KernelError */
  isAtRest(): Promise<boolean>;
  /** @throws KernelError if it does not run, or does not answer */
  sessions(): Promise<readonly DaemonSession[]>;
  /** How many routes it has whose next hop this host has no route to. @throws KernelError as `sessions` */
  unreachable(): Promise<number>;
  /** Calls the listener whenever one that ran has ended. */
  onEnd(listener: () => void): void;
  /** Stops looking at it; it goes on. */
  release(): void;
  /** Ends it, and takes its routes out of the kernel and its files off the disk. Nothing to end is a success. */
  retire(): Promise<void>;
}
