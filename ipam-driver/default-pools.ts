import type { Cidr } from '../src/model/cidr.js';
import { type Pool, PoolRecord, poolKey } from '../src/model/pool.js';
import { ADDRESS_PLAN_KEY, AddressPlanRecord } from '../src/model/subnet.js';
import type { IpamContext } from './allocation-context.js';
import { newPool } from './new-pool.js';

/** The first pools of a cluster that has none of a family. Returns those it made. */
export async function ensureDefaultPools(
  { ledger, node, log }: IpamContext,
  defaults: readonly Cidr[],
): Promise<readonly Pool[]> {
  const made = await ledger.run({
    fresh: true,
    decide: async (draft) => {
      await draft.read(AddressPlanRecord, ADDRESS_PLAN_KEY);
      const pools = await draft.list(PoolRecord, PoolRecord.prefix);
      // A pool whose record cannot be read is a pool: it must neither be doubled nor overwritten.
      const there = [...pools.map((pool) => pool.cidr), ...draft.corruptKeys(PoolRecord.prefix)];
      const missing = defaults
        .filter((cidr) => !there.some((other) => other.includes(':') === cidr.includes(':')))
        .map((cidr) => newPool({ cidr }));
      for (const pool of missing) draft.write(PoolRecord, poolKey(pool.cidr), pool);
      if (missing.length > 0) draft.write(AddressPlanRecord, ADDRESS_PLAN_KEY, { changedBy: node });
      return missing;
    },
  });
  for (const cidr of defaults) {
    const pool = made.find((p) => p.cidr === cidr);
    if (pool === undefined) log.debug({ pool: cidr }, 'the default pool is not made: there are pools of its family');
    else log.info({ pool: cidr, natOutgoing: pool.natOutgoing }, 'made the default pool');
  }
  return made;
}
