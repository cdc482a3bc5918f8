import { z } from 'zod';
import { type NodeName, parseNodeName } from './ids.js';
import { type IpAddress, parseIpAddress } from './ip-address.js';
import { defineRecord, parsed } from './record.js';

/** A daemon's hold on its node's name: the record goes with the daemon's lease, so that where it is, the daemon lives. */
export interface Tenure {
  readonly node: NodeName;
  /** Tells hosts apart: the same for every daemon of one host between two boots, and for no other host. */
  readonly host: string;
  /** For people: the host's own name, and its address towards others. */
  readonly hostName: string;
  readonly ip?: IpAddress | undefined;
  /** ISO 8601, UTC. */
  readonly since: string;
}

// Its kind, and that of sightings, sort after those that every daemon watches together: nobody is woken by them.
export const TenureRecord = defineRecord<Tenure>(
  'Tenure',
  z.object({
    node: parsed(parseNodeName),
    host: z.string(),
    hostName: z.string(),
    ip: parsed(parseIpAddress).optional(),
    since: z.string(),
  }),
);
export const tenureKey = (node: NodeName): string => TenureRecord.key(node);

/** When a daemon last said that it lives, kept beyond its end. ISO 8601, UTC. */
export interface Sighting {
  readonly node: NodeName;
  readonly at: string;
}

export const SightingRecord = defineRecord<Sighting>(
  'Sighting',
  z.object({ node: parsed(parseNodeName), at: z.string() }),
);
export const sightingKey = (node: NodeName): string => SightingRecord.key(node);
