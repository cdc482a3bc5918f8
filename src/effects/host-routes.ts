import type { Cidr } from '../model/cidr.js';

/** A network that this host reaches without us. */
export interface HostRoute {
  readonly destination: Cidr;
  /** For the message to the user: `eth0`, or `via 192.0.2.1`. */
  readonly description: string;
}

/** What this host can already reach, so that no network is laid over it. */
export interface HostRoutes {
  /** Without default routes, without those of our protocol number, and without those a routing daemon learned for us. */
  list(): Promise<readonly HostRoute[]>;
}
