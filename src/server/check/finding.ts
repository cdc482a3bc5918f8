import type { HostFacts } from '../../effects/host-facts.js';
import type { Cidr } from '../../model/cidr.js';

/** What one look at the host found. `blocker`: the daemon cannot work, and does not start. */
export interface Finding {
  readonly level: 'ok' | 'note' | 'warning' | 'blocker';
  /** A word or two: what was looked at. */
  readonly subject: string;
  readonly finding: string;
  /** What to do; undefined where there is nothing to do. */
  readonly fix: string | undefined;
}

/** What of the settings the host is held against. */
export interface CheckSettings {
  /** Undefined: taken from the host. */
  readonly mtu: number | undefined;
  readonly iptablesBackend: 'auto' | 'nft' | 'legacy';
  readonly dockerSocket: string;
  readonly pluginSocket: string;
  readonly pools: readonly Cidr[];
  /** The daemon asks before it listens: then whoever answers on the plugin's socket is another one. */
  readonly starting: boolean;
  /** systemd listens on the plugin's socket for the daemon that asks. Default: no. */
  readonly socketIsHeld?: boolean;
}

/** One look at the host. */
export type Check = (facts: HostFacts, settings: CheckSettings) => readonly Finding[];

/** What a look returns that found one thing. */
export const found = (level: Finding['level'], subject: string, finding: string, fix?: string): Finding[] => [
  { level, subject, finding, fix },
];
