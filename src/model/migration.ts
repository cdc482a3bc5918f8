import { z } from 'zod';
import { defineRecord } from './record.js';

/** Why a store is not to be used: its records went elsewhere, or are not all there yet. */
export interface Migration {
  readonly state: 'moved' | 'arriving';
  /** The other store, for people. */
  readonly other: string;
  /** ISO 8601, UTC. */
  readonly at: string;
}

export const MigrationRecord = defineRecord<Migration>(
  'Migration',
  z.object({ state: z.enum(['moved', 'arriving']), other: z.string(), at: z.string() }),
);
export const MIGRATION_KEY = MigrationRecord.key('state');
