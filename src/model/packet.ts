import type { ConntrackState } from './chain.js';
import type { IpAddress, IpFamily } from './ip-address.js';
import type { MacAddress } from './mac-address.js';

/** One packet as the filter sees it at one moment of its way through the host. */
export interface Packet {
  readonly family: IpFamily;
  /** Absent: made by this host. */
  readonly inInterface?: string | undefined;
  /** Absent: for this host. */
  readonly outInterface?: string | undefined;
  readonly source: IpAddress;
  /** After translation, where there was one. */
  readonly destination: IpAddress;
  /** IANA number. */
  readonly protocol: number;
  readonly sourcePort?: number | undefined;
  readonly destinationPort?: number | undefined;
  readonly icmpType?: number | undefined;
  readonly icmpCode?: number | undefined;
  /** Absent: as it should be, whatever that is. */
  readonly sourceMac?: MacAddress | undefined;
  readonly conntrack: Exclude<ConntrackState, 'DNAT'>;
  /** Its destination was translated. */
  readonly dnat?: boolean | undefined;
  /** TCP: SYN alone of FIN, SYN, RST, ACK. Absent: the first segment of a connection is one, others are not. */
  readonly tcpSyn?: boolean | undefined;
  /** The id in its VXLAN header. */
  readonly vxlanNetwork?: number | undefined;
  /** Its destination is an address of this host. */
  readonly destinationIsLocal?: boolean | undefined;
}
