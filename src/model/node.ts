import { z } from 'zod';
import { type NodeName, parseNodeName } from './ids.js';
import { type IpAddress, parseIpAddress } from './ip-address.js';
import { defineRecord, parsed } from './record.js';

/** A host that runs the daemon. */
export interface Node {
  readonly name: NodeName;
  readonly ip?: IpAddress | undefined;
  readonly ip6?: IpAddress | undefined;
  readonly asNumber?: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly version: string;
  /** ISO 8601, UTC, of the daemon's start. */
  readonly startedAt: string;
}

const schema: z.ZodType<Node> = z.object({
  name: parsed(parseNodeName),
  ip: parsed(parseIpAddress).optional(),
  ip6: parsed(parseIpAddress).optional(),
  asNumber: z.int().min(1).max(4_294_967_295).optional(),
  labels: z.record(z.string(), z.string()),
  version: z.string(),
  startedAt: z.string(),
});

export const NodeRecord = defineRecord('Node', schema);
export const nodeKey = (name: NodeName): string => NodeRecord.key(name);
