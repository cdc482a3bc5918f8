import { z } from 'zod';
import { type Cidr, cidrKey, parseCidr } from './cidr.js';
import { defineRecord, parsed } from './record.js';

/** How packets between nodes travel for addresses of a pool. */
export type Encapsulation =
  | { readonly kind: 'none' }
  /** `crossSubnet`: only between nodes that do not share a subnet. */
  | { readonly kind: 'ipip' | 'vxlan'; readonly crossSubnet: boolean };

/** A CIDR that networks and addresses come from. */
export interface Pool {
  readonly cidr: Cidr;
  /** What `--ipam-opt pool=NAME` chooses by; the CIDR's key form when the user gave none. Unique. */
  readonly name: string;
  /** Prefix length of its blocks, in bits: 20 to 32 for IPv4, 116 to 128 for IPv6. Fixed for the pool's life. */
  readonly blockSize: number;
  /** Prefix length of the subnet carved for a network that names none. */
  readonly networkPrefix: number;
  readonly encapsulation: Encapsulation;
  /** Masquerade what leaves for addresses outside every pool. */
  readonly natOutgoing: boolean;
  /** No new network or address comes from it; what exists stays. */
  readonly disabled: boolean;
  /** Nodes whose labels match may assign from it; absent: all. */
  readonly nodeSelector?: string | undefined;
}

const encapsulation: z.ZodType<Encapsulation> = z.union([
  z.object({ kind: z.literal('none') }),
  z.object({ kind: z.enum(['ipip', 'vxlan']), crossSubnet: z.boolean() }),
]);

const schema: z.ZodType<Pool> = z.object({
  cidr: parsed(parseCidr),
  name: z.string().min(1),
  blockSize: z.int().min(20).max(128),
  networkPrefix: z.int().min(1).max(128),
  encapsulation,
  natOutgoing: z.boolean(),
  disabled: z.boolean(),
  nodeSelector: z.string().optional(),
});

export const PoolRecord = defineRecord('Pool', schema);
export const poolKey = (cidr: Cidr): string => PoolRecord.key(cidrKey(cidr));
