import type { Brand } from './brand.js';
import type { Cidr } from './cidr.js';
import type { InterfaceName } from './ids.js';
import type { IpAddress, IpFamily } from './ip-address.js';
import type { IpSet, IpSetMember, IpSetName } from './ip-set.js';
import type { MacAddress } from './mac-address.js';
import type { Negatable, PortRange } from './rule.js';

/** Begins with `cord-`; at most 28 bytes (XT_EXTENSION_MAXNAMELEN, 29, less the final NUL). */
export type ChainName = Brand<string, 'ChainName'>;

/** The kernel's tables, in iptables' words; another backend makes its base chains of them. */
export type Table = 'raw' | 'mangle' | 'nat' | 'filter' | 'security';
export type Hook = 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT' | 'POSTROUTING';

/** `cord+` matches every name that begins so, as does `cord3f+`. */
export type InterfacePattern = InterfaceName | `cord${string}+` | 'lo';

export type ConntrackState = 'NEW' | 'ESTABLISHED' | 'RELATED' | 'INVALID' | 'DNAT' | 'UNTRACKED';

/** One condition of a filter rule; a rule matches when all of its conditions do. */
export type Match =
  | { readonly kind: 'inInterface' | 'outInterface'; readonly pattern: InterfacePattern; readonly negated: boolean }
  | { readonly kind: 'source' | 'destination'; readonly cidr: Cidr; readonly negated: boolean }
  /** `byInterface`: the set's second dimension is the interface the packet came in by. */
  | {
      readonly kind: 'sourceInSet' | 'destinationInSet';
      readonly set: IpSetName;
      readonly byInterface: boolean;
      readonly negated: boolean;
    }
  /** The set's dimensions are source address, protocol with destination port, destination address. */
  | { readonly kind: 'flowInSet'; readonly set: IpSetName }
  /** IANA number; tcp 6, udp 17, icmp 1, icmpv6 58, sctp 132. */
  | { readonly kind: 'protocol'; readonly number: number; readonly negated: boolean }
  /** At most 15 slots of multiport: a range takes two. Needs a protocol match with ports in the same rule. */
  | { readonly kind: 'sourcePorts' | 'destinationPorts'; readonly ports: Negatable<readonly PortRange[]> }
  | { readonly kind: 'icmp'; readonly type: number; readonly code?: number | undefined; readonly negated: boolean }
  | { readonly kind: 'conntrack'; readonly states: readonly ConntrackState[]; readonly negated: boolean }
  /** TCP with SYN alone of FIN, SYN, RST, ACK. */
  | { readonly kind: 'tcpSyn'; readonly negated: boolean }
  | { readonly kind: 'sourceMac'; readonly mac: MacAddress; readonly negated: boolean }
  | { readonly kind: 'mark'; readonly value: number; readonly mask: number; readonly negated: boolean }
  /** IPv4 VXLAN with this network id. Needs a match of UDP in the same rule. */
  | { readonly kind: 'vxlanNetwork'; readonly id: number }
  | { readonly kind: 'destinationIsLocal'; readonly negated: boolean }
  /** True at most so often: for log rules. */
  | { readonly kind: 'limit'; readonly perMinute: number; readonly burst: number };

/** What a rule does with a packet that matches. */
export type Target =
  | { readonly kind: 'accept' | 'drop' | 'return' }
  /** `goto`: a RETURN in the chain goes to the caller of this one. */
  | { readonly kind: 'jump' | 'goto'; readonly chain: ChainName }
  | { readonly kind: 'setMark'; readonly value: number; readonly mask: number }
  | { readonly kind: 'log'; readonly prefix: string }
  | { readonly kind: 'dnat'; readonly address: IpAddress; readonly port: number }
  | { readonly kind: 'masquerade' }
  | { readonly kind: 'noTrack' };

/** What the kernel gets. `comment`: at most 200 printable ASCII characters without `"`, for people who read the tables. */
export interface FilterRule {
  readonly matches: readonly Match[];
  readonly target: Target;
  readonly comment?: string | undefined;
}

/** A chain of ours; its rules in order. */
export interface Chain {
  readonly table: Table;
  readonly name: ChainName;
  readonly rules: readonly FilterRule[];
}

/** A rule of ours in one of the kernel's own chains. */
export interface HookRule {
  readonly table: Table;
  readonly hook: Hook;
  /**
   * `first`: nobody's rule may stand before it. `last`: it stands somewhere, others' rules decide before it. `early`: the
   * same, but before rules at the end that could only allow.
   */
  readonly place: 'first' | 'early' | 'last';
  readonly rule: FilterRule;
}

/** All that one family's packet filter should hold of ours. Chains are named uniquely within their table. */
export interface FirewallState {
  readonly family: IpFamily;
  readonly hooks: readonly HookRule[];
  readonly chains: ReadonlyMap<string, Chain>;
  readonly sets: ReadonlyMap<IpSetName, IpSet>;
}

/** Key of a chain in `FirewallState.chains`: `mangle/cord-fwd`. */
export const chainKey = (table: Table, name: ChainName): string => `${table}/${name}`;

/**
 * How a state differs from an earlier one. Applied in this order every moment is safe: `createSets` and `addMembers`,
 * then `putChains` (created or replaced whole), then `removeChains`, then `removeMembers`, then `destroySets`.
 */
export interface FirewallChanges {
  readonly family: IpFamily;
  readonly createSets: readonly IpSet[];
  readonly addMembers: ReadonlyMap<IpSetName, readonly IpSetMember[]>;
  readonly putChains: readonly Chain[];
  readonly removeChains: readonly Pick<Chain, 'table' | 'name'>[];
  readonly removeMembers: ReadonlyMap<IpSetName, readonly IpSetMember[]>;
  readonly destroySets: readonly IpSetName[];
}
