import type { IpAddress, IpFamily } from '../model/ip-address.js';

/** One direction of a tracked connection. Ports are 0 where the protocol has none. */
export interface FlowTuple {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** A connection that the kernel remembers. */
export interface TrackedFlow {
  readonly family: IpFamily;
  /** IANA number. */
  readonly protocol: number;
  /** As its first packet was sent. */
  readonly original: FlowTuple;
  /** As its answers are sent: source and destination after address translation, the other way round. */
  readonly reply: FlowTuple;
  readonly icmp?: { readonly type: number; readonly code: number; readonly id: number } | undefined;
}

/** The kernel's memory of connections. */
export interface Conntrack {
  list(): Promise<readonly TrackedFlow[]>;
  /** Forgets every connection that an address takes part in, on either side, translated or not. None is a success. */
  forgetAddresses(addresses: readonly IpAddress[]): Promise<void>;
  /** Forgets these; one that is gone already is a success. */
  forgetFlows(flows: readonly TrackedFlow[]): Promise<void>;
}
