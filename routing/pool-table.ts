import { type Cidr, firstAddress, networkOf, prefixLengthOf } from '../src/model/cidr.js';
import { familyOf } from '../src/model/ip-address.js';
import type { Pool } from '../src/model/pool.js';

/** Pools by what they contain. They do not overlap; of any that did, the smallest counts. */
export class PoolTable {
  readonly #pools = new Map<Cidr, Pool>();
  /** Prefix lengths of the pools of each family, longest first. */
  #lengths: Readonly<Record<4 | 6, readonly number[]>> = { 4: [], 6: [] };

  put(pool: Pool): void {
    this.#pools.set(pool.cidr, pool);
    this.#measure();
  }

  delete(cidr: Cidr): void {
    this.#pools.delete(cidr);
    this.#measure();
  }

  values(): Iterable<Pool> {
    return this.#pools.values();
  }

  /** The pool that holds all of the network. Costs a few microseconds, however many pools there are. */
  poolOf(network: Cidr): Pool | undefined {
    const [address, length] = [firstAddress(network), prefixLengthOf(network)];
    for (const candidate of this.#lengths[familyOf(network)]) {
      if (candidate > length) continue;
      const pool = this.#pools.get(networkOf(address, candidate));
      if (pool !== undefined) return pool;
    }
    return undefined;
  }

  #measure(): void {
    const lengths = (family: 4 | 6) => [
      ...new Set([...this.#pools.keys()].filter((cidr) => familyOf(cidr) === family).map(prefixLengthOf)),
    ];
    const descending = (family: 4 | 6) => lengths(family).sort((a, b) => b - a);
    this.#lengths = { 4: descending(4), 6: descending(6) };
  }
}
