import { z } from 'zod';
import { type HandleId, type NodeName, parseHandleId, parseNodeName, shortHash } from './ids.js';
import { type IpAddress, parseIpAddress } from './ip-address.js';
import { defineRecord, parsed } from './record.js';

/**
 * The addresses bound to one endpoint, or to a node itself: written in the transaction that binds them, gone with the
 * one that unbinds.
 */
export interface Handle {
  readonly id: HandleId;
  readonly node: NodeName;
  readonly addresses: readonly IpAddress[];
}

const schema: z.ZodType<Handle> = z.object({
  id: parsed(parseHandleId),
  node: parsed(parseNodeName),
  addresses: z.array(parsed(parseIpAddress)),
});

export const HandleRecord = defineRecord('Handle', schema);
/** What a node's tunnel addresses are bound to. Names of nodes are as long as a handle may be. */
export const tunnelHandleOf = (node: NodeName): HandleId => parseHandleId(`tunnel-${shortHash(node, 16)}`);
/** Endpoints' ids have no hyphen. */
export const isTunnelHandle = (id: string): boolean => id.startsWith('tunnel-');

export const handleKey = (id: HandleId): string => HandleRecord.key(id);
