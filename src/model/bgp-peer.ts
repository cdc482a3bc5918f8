import { z } from 'zod';
import { asNumberSchema } from './as-number.js';
import type { Brand } from './brand.js';
import { InvalidRequestError } from './errors.js';
import { type NodeName, parseNodeName } from './ids.js';
import { type IpAddress, parseIpAddress } from './ip-address.js';
import { defineRecord, parsed } from './record.js';

/** The shared secret of a session (TCP MD5, RFC 2385). Never printed, logged or answered. */
export type BgpPassword = Brand<string, 'BgpPassword'>;

/** A router outside the cluster that nodes speak BGP to, such as a top-of-rack switch. */
export interface BgpPeer {
  readonly address: IpAddress;
  readonly asNumber: number;
  /** The only node that speaks to it; absent: every node does. */
  readonly node?: NodeName | undefined;
  readonly password?: BgpPassword | undefined;
  /** The peer opens the session; nodes only answer. */
  readonly passive: boolean;
  /**
   * Bidirectional forwarding detection: a dead peer is noticed in less than a second. The peer must speak it too, and is on
   * a network of the node's own, unless `ttlSecurity` says that it may be more than one hop away.
   */
  readonly bfd: boolean;
  /** Most hops that the peer may be away; packets from further away are dropped (RFC 5082). Absent: not looked at. */
  readonly ttlSecurity?: number | undefined;
}

/** Most bytes that the kernel takes: TCP_MD5SIG_MAXKEYLEN. */
const MAX_PASSWORD_BYTES = 80;

/** @throws InvalidRequestError, which does not repeat the text */
export function parseBgpPassword(text: string): BgpPassword {
  // BIRD's strings know no escapes: a quotation mark cannot be written in one.
  if (/^[\x20-\x7e]+$/.test(text) && !text.includes('"') && text.length <= MAX_PASSWORD_BYTES) {
    return text as BgpPassword;
  }
  throw new InvalidRequestError(
    `the password cannot be used for BGP: take 1 to ${MAX_PASSWORD_BYTES} printable ASCII characters other than the quotation mark`,
  );
}

export const ttlSecuritySchema = z.int().min(1).max(254);

const schema: z.ZodType<BgpPeer> = z.object({
  address: parsed(parseIpAddress),
  asNumber: asNumberSchema,
  node: parsed(parseNodeName).optional(),
  password: parsed(parseBgpPassword).optional(),
  passive: z.boolean(),
  bfd: z.boolean(),
  ttlSecurity: ttlSecuritySchema.optional(),
});

export const BgpPeerRecord = defineRecord('BgpPeer', schema);

/** One for each address and node; that of every node has no node in its key. */
export const bgpPeerKey = ({ address, node }: Pick<BgpPeer, 'address' | 'node'>): string =>
  node === undefined ? BgpPeerRecord.key(address) : BgpPeerRecord.key(node, address);
