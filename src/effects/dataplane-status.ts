import type { PacketFilterBackend } from './packet-filter.js';

/** Something of ours in the kernel that was not as it should be, and was put right. */
export interface Repair {
  readonly at: Date;
  readonly what: 'chain' | 'hook' | 'set' | 'link' | 'route' | 'neighbour' | 'sysctl';
  /** Its name and what was wrong: `mangle/cord-fwd: differs`. */
  readonly detail: string;
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
}

export interface DataplaneStatusSource {
  status(): DataplaneStatus;
}
