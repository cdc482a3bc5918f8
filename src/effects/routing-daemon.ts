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

/**
 * The program that exchanges routes with other hosts and writes them into the kernel. It outlives us: while we are away,
 * its sessions and routes stay, and the next of us finds it running.
 */
export interface RoutingDaemon {
  /**
   * Makes it run with this configuration: one that runs takes it over without losing a route, else it is started, and
   * goes on from what the kernel holds.
   *
   * @throws RoutingConfigRefusedError: the former configuration stays in force
   * @throws KernelError if it cannot be started, or does not answer
   */
  run(configuration: string): Promise<'reconfigured' | 'started'>;
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
