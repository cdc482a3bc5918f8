import type { Cidr } from './cidr.js';
import type { TagName } from './ids.js';
import type { SelectorText } from './selector.js';

/** `log` goes on to the next rule; `pass` ends this profile's rules and goes on to the next profile. */
export type RuleAction = 'allow' | 'deny' | 'log' | 'pass';

/** Both ends included; 0 to 65535. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** A match, or its opposite: `not tag WEB`. */
export interface Negatable<T> {
  readonly value: T;
  readonly negated: boolean;
}

/** Ports exist only where the kernel can match them. */
export type ProtocolMatch =
  | { readonly protocol: 'any' }
  | {
      readonly protocol: 'tcp' | 'udp' | 'sctp';
      readonly sourcePorts?: Negatable<readonly PortRange[]> | undefined;
      readonly destinationPorts?: Negatable<readonly PortRange[]> | undefined;
    }
  | {
      readonly protocol: 'icmp' | 'icmpv6';
      readonly icmp?: Negatable<{ readonly type: number; readonly code?: number | undefined }> | undefined;
    }
  /** An IP protocol by number, 1 to 255, none of those above. */
  | { readonly protocol: 'number'; readonly number: number }
  /** Every protocol but this number. */
  | { readonly protocol: 'not'; readonly number: number };

/** One end of the traffic; absent fields match everything. All that are given must hold. */
export interface PeerMatch {
  readonly tag?: Negatable<TagName> | undefined;
  /**
   * Over endpoint labels. The two negations differ: `selector '!has(x)'` is any endpoint without x, `not selector
   * 'has(x)'` is whatever is not an endpoint with x, an address outside the cluster too.
   */
  readonly selector?: Negatable<SelectorText> | undefined;
  /** A NetworkSet's name. */
  readonly set?: Negatable<string> | undefined;
  readonly cidr?: Negatable<Cidr> | undefined;
}

/** What a user wrote, in order within a profile: the first that matches decides. */
export interface Rule {
  readonly action: RuleAction;
  readonly match: ProtocolMatch;
  readonly source: PeerMatch;
  readonly destination: PeerMatch;
}
