/** A kernel setting by its path under /proc/sys: `net/ipv4/conf/cord0123456789a/rp_filter`. */
export interface Sysctl {
  readonly path: string;
  readonly value: string;
}

/** Kernel settings of one network namespace. */
export interface Sysctls {
  /** In order, all of them. @throws KernelError naming the first that could not be written */
  write(settings: readonly Sysctl[]): Promise<void>;
  /** The values without line end, in order; undefined for one that does not exist. */
  read(paths: readonly string[]): Promise<readonly (string | undefined)[]>;
  /** Names in a directory of settings; empty if there is none. */
  list(path: string): Promise<readonly string[]>;
}
