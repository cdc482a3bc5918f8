import { z } from 'zod';
import { addressAt, type Cidr, cidrKey, parseCidr, sizeOf } from './cidr.js';
import { type HandleId, type NodeName, parseHandleId, parseNodeName } from './ids.js';
import type { IpAddress } from './ip-address.js';
import { defineRecord, parsed } from './record.js';

/** Who has an address, and since when (ISO 8601, UTC). Handle and `since` together tell one allocation from the next. */
export type Allocation =
  /** Given to Docker; no endpoint has come for it yet, or its endpoint is gone and Docker has not given it back. */
  | { readonly state: 'unbound'; readonly node: NodeName; readonly handle: HandleId; readonly since: string }
  | {
      readonly state: 'bound';
      readonly node: NodeName;
      readonly handle: HandleId;
      readonly since: string;
      /** Docker has given it back while its endpoint still was: it is freed when the endpoint goes. */
      readonly released: boolean;
    }
  | {
      readonly state: 'reserved';
      readonly purpose: 'gateway' | 'auxiliary';
      /**
       * A network that had it is gone. Networks of one subnet share their gateway, and each tells in its node's SubnetHold:
       * another that comes to share it now must write the block, so that the nodes' records, read now, are complete.
       */
      readonly ending: boolean;
      readonly since: string;
    };

/** A freed address that waits. */
export interface Cooling {
  readonly ordinal: number;
  /** ISO 8601, UTC. */
  readonly releasedAt: string;
  /** The node that had it: only its kernel can tell whether the address is forgotten. */
  readonly node: NodeName;
}

/**
 * A piece of a subnet: the unit of compare-and-swap, and of routing between nodes.
 *
 * Each ordinal is in `allocations`, in `cooling`, or fresh (in neither); never in two. Fresh ones are handed out first,
 * ascending, and then the cooling ones, the longest freed first: a freed address is used again as late as possible.
 */
export interface Block {
  readonly cidr: Cidr;
  readonly subnet: Cidr;
  /** The node that may assign from it freely; absent: whichever claims it next. */
  readonly node?: NodeName | undefined;
  /** When `node` claimed it (ISO 8601, UTC): another may take it over while it is empty, but not at once. */
  readonly claimedAt?: string | undefined;
  /** In the order of release. */
  readonly cooling: readonly Cooling[];
  readonly allocations: ReadonlyMap<number, Allocation>;
}

const ordinal = z.int().min(0).max(4095);
const holder = { node: parsed(parseNodeName), handle: parsed(parseHandleId), since: z.string() };

const allocation: z.ZodType<Allocation> = z.discriminatedUnion('state', [
  z.object({ state: z.literal('unbound'), ...holder }),
  z.object({ state: z.literal('bound'), ...holder, released: z.boolean() }),
  z.object({
    state: z.literal('reserved'),
    purpose: z.enum(['gateway', 'auxiliary']),
    ending: z.boolean(),
    since: z.string(),
  }),
]) as unknown as z.ZodType<Allocation>;

const schema: z.ZodType<Block> = z
  .object({
    cidr: parsed(parseCidr),
    subnet: parsed(parseCidr),
    node: parsed(parseNodeName).optional(),
    claimedAt: z.string().optional(),
    cooling: z.array(z.object({ ordinal, releasedAt: z.string(), node: parsed(parseNodeName) })),
    allocations: z.array(z.tuple([ordinal, allocation])).transform((pairs) => new Map(pairs)),
  })
  .superRefine((block, context) => {
    const seen = new Set(block.allocations.keys());
    for (const cooling of block.cooling) {
      if (seen.has(cooling.ordinal))
        context.addIssue({ code: 'custom', message: `ordinal ${cooling.ordinal} stands in it twice` });
      seen.add(cooling.ordinal);
    }
  }) as unknown as z.ZodType<Block>;

export const BlockRecord = defineRecord('Block', schema, {
  toStored: (block) => ({ ...block, allocations: [...block.allocations] }),
});

/** Where a block's packets go: to the node it has an affinity to, but for addresses that others borrowed from it. */
export interface BlockHolders {
  readonly cidr: Cidr;
  readonly subnet: Cidr;
  readonly node?: NodeName | undefined;
  /** Addresses held by another node than `node`. */
  readonly guests: ReadonlyMap<IpAddress, NodeName>;
}

const holders: z.ZodType<BlockHolders> = z
  .object({
    cidr: parsed(parseCidr),
    subnet: parsed(parseCidr),
    node: parsed(parseNodeName).optional(),
    allocations: z.array(z.unknown()),
  })
  // Each field by name: a copy by spreading would have a layout of its own, of 200 bytes, for each of tens of thousands.
  .transform(({ cidr, subnet, node, allocations }) => ({
    cidr,
    subnet,
    node,
    guests: guestsOf(cidr, node, allocations),
  }));

/** Entries that are not as they should be hold nothing: address management, which reads the whole record, reports them. */
function guestsOf(
  cidr: Cidr,
  node: NodeName | undefined,
  allocations: readonly unknown[],
): ReadonlyMap<IpAddress, NodeName> {
  const guests = new Map<IpAddress, NodeName>();
  for (const entry of allocations) {
    const [place, allocation] = Array.isArray(entry) ? entry : [];
    const holder: unknown = allocation?.node;
    if (typeof place !== 'number' || typeof holder !== 'string' || holder === node) continue;
    if (Number.isSafeInteger(place) && place >= 0 && place < sizeOf(cidr)) {
      guests.set(addressAt(cidr, place), holder as NodeName);
    }
  }
  return guests.size === 0 ? NO_GUESTS : guests;
}

/** One for all: a cluster has tens of thousands of blocks without any. */
const NO_GUESTS: ReadonlyMap<IpAddress, NodeName> = new Map();

/** Of a block's record only who holds what: a fifth of the time, for those who watch every change. */
const HoldersRecord = defineRecord<BlockHolders>('Block', holders);

/** Who holds what of the block in a record. @throws CorruptRecordError if it tells nothing of that */
export function holdersOf(key: string, text: string): BlockHolders {
  const block = BlockRecord.written(text);
  if (block === undefined) return HoldersRecord.decode(key, text);
  const { cidr, subnet, node, allocations } = block;
  return { cidr, subnet, node, guests: guestsOf(cidr, node, [...allocations]) };
}

export const blockKey = (subnet: Cidr, block: Cidr): string => BlockRecord.key(cidrKey(subnet), cidrKey(block));
/** What the keys of a subnet's blocks begin with. */
export const blocksPrefix = (subnet: Cidr): string => `${BlockRecord.key(cidrKey(subnet))}/`;
