import { z } from 'zod';
import { asNumberSchema, DEFAULT_AS_NUMBER } from './as-number.js';
import { defineRecord } from './record.js';

/** How the nodes of the cluster speak BGP to one another. One record; absent until somebody changes something. */
export interface BgpSettings {
  /** Every node that is no route reflector speaks to every other such node. */
  readonly mesh: boolean;
  /** AS number of the nodes that have none of their own. */
  readonly defaultAsNumber: number;
}

export const DEFAULT_BGP_SETTINGS: BgpSettings = { mesh: true, defaultAsNumber: DEFAULT_AS_NUMBER };

const schema: z.ZodType<BgpSettings> = z.object({ mesh: z.boolean(), defaultAsNumber: asNumberSchema });

export const BgpSettingsRecord = defineRecord('BgpSettings', schema);
export const BGP_SETTINGS_KEY = BgpSettingsRecord.key('cluster');
