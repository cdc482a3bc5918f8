import type { Brand } from './brand.js';
import type { Cidr } from './cidr.js';
import type { InterfaceName } from './ids.js';
import type { IpAddress, IpFamily } from './ip-address.js';

/** Begins with `cord`; at most 31 bytes (IPSET_MAXNAMELEN less the final NUL). */
export type IpSetName = Brand<string, 'IpSetName'>;

/** What a set holds, in the kernel's own type words: a tag is `hash:ip`, networks are `hash:net`. */
export type IpSetType = 'hash:ip' | 'hash:net' | 'hash:net,iface' | 'hash:ip,port,ip';

/**
 * The kernel's text of one member: `10.64.0.2`, `10.64.0.0/16`, `10.64.0.2,cord0123456789a` (/32 is not written), or
 * `10.64.0.2,tcp:80,10.64.0.2`.
 */
export type IpSetMember = Brand<string, 'IpSetMember'>;

/** Whole, as the kernel should hold it. */
export interface IpSet {
  readonly name: IpSetName;
  readonly type: IpSetType;
  readonly family: IpFamily;
  readonly members: ReadonlySet<IpSetMember>;
}

export const addressMember = (address: IpAddress): IpSetMember => address as string as IpSetMember;
/** `hash:net` refuses prefix length 0; the caller splits such a network into its two halves. */
export const networkMember = (cidr: Cidr): IpSetMember =>
  cidr.replace(/(:.*)\/128$|(?<!:.*)\/32$/, '$1') as IpSetMember;
export const addressOnInterfaceMember = (address: IpAddress, name: InterfaceName): IpSetMember =>
  `${address},${name}` as IpSetMember;
/** For `hash:ip,port,ip`: `port` is the destination's. */
export const flowMember = (source: IpAddress, protocol: 'tcp' | 'udp' | 'sctp', port: number, destination: IpAddress) =>
  `${source},${protocol}:${port},${destination}` as IpSetMember;
