import type { PoolOptions } from '../src/effects/ipam-admin.js';
import { type Cidr, cidrKey, overlaps, prefixLengthOf, sizeOf } from '../src/model/cidr.js';
import { ConflictError, InvalidRequestError } from '../src/model/errors.js';
import { ADDRESS_BITS, familyOf, type IpFamily } from '../src/model/ip-address.js';
import type { Pool } from '../src/model/pool.js';
import { whyNotForContainers } from '../src/model/special-ranges.js';
import { SMALLEST_SUBNET } from './address-rules.js';

interface FamilyDefaults {
  readonly blockSize: number;
  readonly networkPrefix: number;
  readonly natOutgoing: boolean;
  readonly smallestBlockSize: number;
}

/** As in Calico: 64 addresses a block, at most 4096. */
const DEFAULTS: Readonly<Record<IpFamily, FamilyDefaults>> = {
  4: { blockSize: 26, networkPrefix: 24, natOutgoing: true, smallestBlockSize: 20 },
  6: { blockSize: 122, networkPrefix: 64, natOutgoing: false, smallestBlockSize: 116 },
};

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/;

/** A pool as the user described it, with its family's defaults for the rest. @throws InvalidRequestError */
export function newPool(description: PoolOptions & { readonly cidr: Cidr }): Pool {
  const { cidr } = description;
  const family = familyOf(cidr);
  const length = prefixLengthOf(cidr);
  const defaults = DEFAULTS[family];
  if (sizeOf(cidr) < SMALLEST_SUBNET)
    throw new InvalidRequestError(
      `${cidr} cannot be a pool: it has one address, and a network needs two, for its gateway and a container; use /${ADDRESS_BITS[family] - 1} or more`,
    );
  const special = whyNotForContainers(cidr);
  if (special !== undefined)
    throw new InvalidRequestError(
      `${cidr} cannot be a pool: ${special}; use addresses of your own, such as 10.64.0.0/16 or fd80:c0de::/48`,
    );
  const pool: Pool = {
    cidr,
    name: description.name ?? cidrKey(cidr),
    blockSize: description.blockSize ?? Math.max(defaults.blockSize, length),
    networkPrefix: description.networkPrefix ?? Math.max(defaults.networkPrefix, length),
    encapsulation: description.encapsulation ?? { kind: 'none' },
    natOutgoing: description.natOutgoing ?? defaults.natOutgoing,
    disabled: description.disabled ?? false,
    ...(description.nodeSelector === undefined ? {} : { nodeSelector: description.nodeSelector }),
  };
  requireValid(pool);
  return pool;
}

/** @throws InvalidRequestError naming the option */
export function requireValid(pool: Pool): void {
  const { cidr, name, blockSize, networkPrefix, encapsulation } = pool;
  const family = familyOf(cidr);
  if (encapsulation.kind === 'ipip' && family === 6)
    throw new InvalidRequestError(`pool ${cidr} cannot travel in IPIP, which carries IPv4 only; use vxlan`);
  const bits = ADDRESS_BITS[family];
  const least = Math.max(DEFAULTS[family].smallestBlockSize, prefixLengthOf(cidr));
  if (blockSize < least || blockSize > bits)
    throw new InvalidRequestError(
      `block size ${blockSize} does not suit pool ${cidr}: it is a prefix length, from ${least} to ${bits}`,
    );
  if (networkPrefix < prefixLengthOf(cidr) || networkPrefix > bits - 1)
    throw new InvalidRequestError(
      `network prefix ${networkPrefix} does not suit pool ${cidr}: it is the prefix length of its networks, from ${prefixLengthOf(cidr)} to ${bits - 1}`,
    );
  if (!NAME.test(name) || (name.includes(':') && name !== cidrKey(cidr)))
    throw new InvalidRequestError(
      `${JSON.stringify(name.slice(0, 140))} is not a pool name: use 1 to 128 letters, digits, "_", "." or "-", the first a letter or digit`,
    );
}

/** @throws ConflictError if the pools cannot stand beside each other */
export function requireCompatible(pool: Pool, others: readonly Pool[]): void {
  for (const other of others) {
    if (overlaps(pool.cidr, other.cidr))
      throw new ConflictError(
        pool.cidr === other.cidr
          ? `pool ${pool.cidr} exists already${other.name === cidrKey(other.cidr) ? '' : `, with name ${other.name}`}; change it with "corduroy pool set"`
          : `pool ${pool.cidr} overlaps pool ${other.cidr}; choose another CIDR, or remove that pool first`,
      );
    if (pool.name === other.name)
      throw new ConflictError(`the name ${pool.name} belongs to pool ${other.cidr}; choose another name`);
  }
}
