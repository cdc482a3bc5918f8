import { z } from 'zod';
import { defineRecord } from './record.js';

/** How all nodes of the cluster share addresses; set by command, in force at each node's next decision. */
export interface IpamSettings {
  /** No node takes an address from another node's block, even when there is no other. */
  readonly strictAffinity: boolean;
  /** Most blocks of one network's subnet that a node may have; absent: no limit. */
  readonly maxBlocksPerHost?: number | undefined;
}

export const DEFAULT_IPAM_SETTINGS: IpamSettings = { strictAffinity: false };

export const IpamSettingsRecord = defineRecord<IpamSettings>(
  'IpamSettings',
  z.object({ strictAffinity: z.boolean(), maxBlocksPerHost: z.int().min(1).optional() }),
);
export const IPAM_SETTINGS_KEY = IpamSettingsRecord.key('cluster');
