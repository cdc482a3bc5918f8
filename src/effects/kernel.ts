import type { IpFamily } from '../model/ip-address.js';
import type { Conntrack } from './conntrack.js';
import type { IpSets } from './ip-sets.js';
import type { NetworkStack } from './network-stack.js';
import type { PacketFilter, PacketFilterBackend } from './packet-filter.js';
import type { Sysctls } from './sysctls.js';

/** All of the kernel that the data plane reads and programs: one network namespace. */
export interface Kernel {
  readonly backend: PacketFilterBackend;
  /** The table behind all others that filter; some kernels lack `security`. */
  readonly lastTable: 'security' | 'filter';
  /** Those that this kernel knows: one that was booted with ipv6.disable=1 does not know IPv6. */
  readonly families: readonly IpFamily[];
  readonly network: NetworkStack;
  readonly ipSets: IpSets;
  readonly packetFilters: { readonly 4: PacketFilter; readonly 6: PacketFilter };
  readonly sysctls: Sysctls;
  readonly conntrack: Conntrack;
  /** Calls the listener soon after others changed the packet filter; maybe also when nobody did. */
  watchPacketFilter(listener: () => void): { close(): void };
  /** Processes that run now on our behalf. */
  helperPids(): readonly number[];
  /** Ends the helpers; what they programmed stays. */
  close(): void;
}
