import type { IpAddress } from '../model/ip-address.js';

/** Why two routers speak: both are nodes, one reflects routes for the other, or somebody added the peer. */
export type BgpSessionType = 'mesh' | 'reflector' | 'global' | 'node';

/** One session of this node, as its routing daemon sees it now. */
export interface BgpSessionStatus {
  /** The node's name, or the address of one that is no node. */
  readonly peer: string;
  readonly address: IpAddress;
  readonly asNumber: number;
  readonly type: BgpSessionType;
  /** RFC 4271's names in lower case, `down` for one that does not try. Only `established` carries routes. */
  readonly state: string;
  /** When it came to that state. */
  readonly since: Date | undefined;
  /** Routes taken from the peer, and given to it. */
  readonly imported: number;
  readonly exported: number;
  /** The latest error, while it is not established. */
  readonly error: string | undefined;
}

export interface BgpStatus {
  readonly sessions: readonly BgpSessionStatus[];
  /** What is wrong apart from single sessions, one sentence each. */
  readonly problems: readonly string[];
}

export interface BgpStatusSource {
  status(): Promise<BgpStatus>;
  /** Waits until the routing daemon has what the records say now. Resolves with the sentence that tells why not. */
  settled(): Promise<string | undefined>;
}
