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
  /** ISO 8601, UTC. */
  readonly requestedAt: string;
  /** `--ip-range`: where its containers' addresses are chosen; inside the subnet. */
  readonly range?: Cidr | undefined;
  /** Its gateway and auxiliary addresses, which go when it goes. */
  readonly reservations: readonly Reservation[];
}

/** The subnet of a network, on every node that has the network. Subnets in use never overlap. */
export interface Subnet {
  readonly cidr: Cidr;
  readonly pool: Cidr;
  /** Prefix length of its blocks: the pool's, or the subnet's own if it is smaller than a block. */
  readonly blockLength: number;
  /**
   * `used`: any node may come to hold it too, by comparing this record without writing it, so that thousands can at once.
   * `resting`: nobody can without writing it, so that a list of its holders, read now, is complete; if there is none, it
   * only keeps freed addresses cooling.
   */
  readonly use: 'used' | 'resting';
}

const schema: z.ZodType<Subnet> = z.object({
  cidr: parsed(parseCidr),
  pool: parsed(parseCidr),
  blockLength: z.int().min(1).max(128),
  use: z.enum(['used', 'resting']),
});

export const SubnetRecord = defineRecord('Subnet', schema);
export const subnetKey = (cidr: Cidr): string => SubnetRecord.key(cidrKey(cidr));

/** What one node's networks hold of a subnet; without a reference there is no record. Only the node itself writes it. */
export interface SubnetHold {
  readonly subnet: Cidr;
  readonly node: NodeName;
  readonly references: readonly SubnetReference[];
}

const subnetHold: z.ZodType<SubnetHold> = z.object({
  subnet: parsed(parseCidr),
  node: parsed(parseNodeName),
  references: z
    .array(
      z.object({
        id: parsed(parseReferenceId),
        requestedAt: z.string(),
        range: parsed(parseCidr).optional(),
        reservations: z.array(z.object({ address: parsed(parseIpAddress), purpose: z.enum(['gateway', 'auxiliary']) })),
      }),
    )
    .min(1),
});

export const SubnetHoldRecord = defineRecord('SubnetHold', subnetHold);
export const subnetHoldKey = (subnet: Cidr, node: NodeName): string => SubnetHoldRecord.key(cidrKey(subnet), node);
/** What the keys of all nodes' holds on a subnet begin with. */
export const subnetHoldsPrefix = (subnet: Cidr): string => `${SubnetHoldRecord.key(cidrKey(subnet))}/`;

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
