import { randomBytes } from 'node:crypto';
import type { Clock } from '../src/effects/clock.js';
import type { ClusterStore } from '../src/effects/cluster-view.js';
import type { Logger } from '../src/effects/logger.js';
import type { NodeName } from '../src/model/ids.js';
import type { Ledger } from './ledger.js';
import type { OwnBlocks } from './own-blocks.js';
import type { QuietAddresses } from './quiet-addresses.js';

/** What one node is told of address management by its own settings. */
export interface IpamOptions {
  /** How long a freed address rests, in milliseconds. */
  readonly cooldownMs: number;
  /** `--subnet` outside every pool makes a pool of it. */
  readonly autoPools: boolean;
}

export const DEFAULT_IPAM_OPTIONS: IpamOptions = { cooldownMs: 30_000, autoPools: true };

/** What every part of address management works with, on one node. */
export interface IpamContext {
  readonly node: NodeName;
  readonly store: ClusterStore;
  readonly ledger: Ledger;
  readonly ownBlocks: OwnBlocks;
  readonly quiet: QuietAddresses;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: IpamOptions;
  /** Whether a pool's nodeSelector selects this node. */
  readonly nodeMatches: (selector: string) => boolean;
}

export const isoNow = (context: Pick<IpamContext, 'clock'>): string => context.clock.now().toISOString();

/** 12 hex digits by chance: 48 bits, of which a cluster uses few at a time. */
export const newId = (): string => randomBytes(6).toString('hex');
