import type { Cidr } from '../model/cidr.js';
import type { PacketFilterBackend } from './packet-filter.js';

/** A route of the host that is not ours. */
export interface ForeignRoute {
  readonly destination: Cidr;
  readonly interfaceName: string;
}

/** Others' rules in one of the kernel's two packet filters. Undefined: the tool is missing, or the tables are not loaded. */
export interface FilterFacts {
  readonly rules: number;
  readonly docker: boolean;
  /** Policy of the filter table's FORWARD chain. */
  readonly forwardPolicy: 'ACCEPT' | 'DROP' | undefined;
}

/** What stands on the path of a plugin's socket. */
export type SocketState = 'absent' | 'answers' | 'stale';

/** The host as it is now. Undefined: it could not be found out. */
export interface HostFacts {
  readonly root: boolean;
  /** Whether this process has CAP_NET_ADMIN, which root in a container may lack. */
  readonly netAdmin: boolean;
  /** Parts of the kernel that their tools cannot use, in the tool's own words; a tool that is missing tells nothing. */
  readonly kernelRefusals: readonly { readonly part: 'ipset' | 'nf_tables'; readonly reason: string }[];
  /** Whether the kernel's network settings can be written: in a container they are read-only unless it has a /proc for it. */
  readonly settingsWritable: boolean;
  readonly missingTools: readonly string[];
  /** Of net.ipv4.ip_forward and net.ipv6.conf.all.forwarding. */
  readonly forwarding: { readonly ipv4: boolean | undefined; readonly ipv6: boolean | undefined };
  /** net.ipv4.conf.all.rp_filter: 0 off, 1 strict, 2 loose; the larger of it and an interface's own counts. */
  readonly rpFilterAll: number | undefined;
  /** Whether bridged packets pass iptables; undefined: br_netfilter is not loaded. */
  readonly bridgeNfCallIptables: boolean | undefined;
  readonly filters: Readonly<Record<PacketFilterBackend, FilterFacts | undefined>>;
  /** What the `iptables` command itself writes to. */
  readonly iptablesDefault: PacketFilterBackend | undefined;
  readonly activeFirewalls: readonly ('ufw' | 'firewalld')[];
  readonly docker:
    | { readonly kind: 'answers'; readonly version: string }
    /** It took the connection, and did not answer in time: it is starting, or busy. */
    | { readonly kind: 'slow'; readonly afterMs: number }
    | { readonly kind: 'silent'; readonly problem: string; readonly remedy: string };
  readonly pluginSocket: SocketState;
  /** Up, with an address of their own, neither ours nor the loopback. */
  readonly uplinks: readonly { readonly name: string; readonly mtu: number }[];
  readonly routes: readonly ForeignRoute[];
}
