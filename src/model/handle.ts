import { z } from 'zod';
import { type HandleId, type NodeName, parseHandleId, parseNodeName } from './ids.js';
import { type IpAddress, parseIpAddress } from './ip-address.js';
import { defineRecord, parsed } from './record.js';

/** The addresses bound to one endpoint: written in the transaction that binds them, gone with the one that unbinds. */
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
export const handleKey = (id: HandleId): string => HandleRecord.key(id);
