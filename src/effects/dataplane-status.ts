import type { IpFamily } from '../model/ip-address.js';
import type { PacketFilterBackend } from './packet-filter.js';

/** Something of ours in the kernel that was not as it should be, and was put right. */
export interface Repair {
  readonly at: Date;
  readonly what: 'chain' | 'hook' | 'set' | 'link' | 'route' | 'neighbour' | 'tunnel' | 'sysctl';
  /** Its name and what was wrong: `mangle/cord-fwd: differs`. */
  readonly detail: string;
}

/** A rule that the kernel does not take. What comes before it in its chain holds; all that would reach it is dropped. */
export interface RefusedRule {
  readonly family: IpFamily;
  /** Table and chain: `mangle/cord-pi-web` has the inbound rules of profile web. */
  readonly chain: string;
  /** In iptables' words. */
  readonly rule: string;
  /** As the user wrote it, for a rule of a profile. */
  readonly comment?: string | undefined;
  /** In the words of the kernel, or of iptables. */
  readonly reason: string;
}

/** Addresses of the cluster that this node cannot send to, or may not. */
export interface RouteProblem {
  /** Name of the node they are on, or of what is wrong. */
  readonly subject: string;
  /** What, why, and what to do. */
  readonly message: string;
}

/** How well the kernel agrees with the records: for status, metrics and readiness. */
export interface DataplaneStatus {
  readonly backend: PacketFilterBackend;
  readonly synced: boolean;
  /** Why not, when `synced` is false. */
  readonly problem?: string | undefined;
  readonly lastResync?: { readonly at: Date; readonly durationMs: number } | undefined;
  readonly repairsTotal: number;
  /** The latest, newest last; at most 50. */
  readonly repairs: readonly Repair[];
  readonly attached: number;
  readonly refused: readonly RefusedRule[];
  readonly routeProblems: readonly RouteProblem[];
}

export interface DataplaneStatusSource {
  status(): DataplaneStatus;
}
