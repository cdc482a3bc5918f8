import { z } from 'zod';
import type { Brand } from './brand.js';
import { type Cidr, cidrKey, parseCidr } from './cidr.js';
import { InvalidRequestError } from './errors.js';
import { type NodeName, parseNodeName } from './ids.js';
import { type IpAddress, parseIpAddress } from './ip-address.js';
import { defineRecord, parsed } from './record.js';

/** One RequestPool of Docker's: 12 hex digits, made at random, so that its ReleasePool can be told from another's. */
export type ReferenceId = Brand<string, 'ReferenceId'>;

/** @throws InvalidRequestError */
export function parseReferenceId(text: string): ReferenceId {
  if (/^[0-9a-f]{12}$/.test(text)) return text as ReferenceId;
  throw new InvalidRequestError(
    `${JSON.stringify(text.slice(0, 40))} is not a pool reference: 12 hex digits are expected`,
  );
}

/** An address of a subnet that no container gets. */
export interface Reservation {
  readonly address: IpAddress;
  readonly purpose: 'gateway' | 'auxiliary';
}

/** One Docker network's hold on a subnet, from RequestPool to ReleasePool. Docker does not say which network it is. */
export interface SubnetReference {
  readonly id: ReferenceId;
  readonly node: NodeName;
  /** ISO 8601, UTC. */
  readonly requestedAt: string;
  /** `--ip-range`: where its containers' addresses are chosen; inside the subnet. */
  readonly range?: Cidr | undefined;
  /** Its gateway and auxiliary addresses, which go when it goes. */
  readonly reservations: readonly Reservation[];
}

/**
 * The subnet of a network, on every node that has the network. Subnets that are in use never overlap; without a
 * reference the record only keeps freed addresses cooling.
 */
export interface Subnet {
  readonly cidr: Cidr;
  readonly pool: Cidr;
  /** Prefix length of its blocks: the pool's, or the subnet's own if it is smaller than a block. */
  readonly blockLength: number;
  readonly references: readonly SubnetReference[];
}

const schema: z.ZodType<Subnet> = z.object({
  cidr: parsed(parseCidr),
  pool: parsed(parseCidr),
  blockLength: z.int().min(1).max(128),
  references: z.array(
    z.object({
      id: parsed(parseReferenceId),
      node: parsed(parseNodeName),
      requestedAt: z.string(),
      range: parsed(parseCidr).optional(),
      reservations: z.array(z.object({ address: parsed(parseIpAddress), purpose: z.enum(['gateway', 'auxiliary']) })),
    }),
  ),
});

export const SubnetRecord = defineRecord('Subnet', schema);
export const subnetKey = (cidr: Cidr): string => SubnetRecord.key(cidrKey(cidr));

/**
 * Written by every transaction that adds a pool or a subnet, takes a pool away, or moves its name, and compared by it:
 * what overlaps lives under different keys, and two such changes must not pass each other unseen.
 */
export interface AddressPlan {
  readonly changedBy: NodeName;
}

export const AddressPlanRecord = defineRecord<AddressPlan>(
  'AddressPlan',
  z.object({ changedBy: parsed(parseNodeName) }),
);
export const ADDRESS_PLAN_KEY = AddressPlanRecord.key('plan');
