import type { PoolChanges, PoolOptions } from '../src/effects/ipam-admin.js';
import { type Cidr, overlaps } from '../src/model/cidr.js';
import { ConflictError, InvalidRequestError, NotFoundError } from '../src/model/errors.js';
import type { NodeName } from '../src/model/ids.js';
import { type Pool, PoolRecord, poolKey } from '../src/model/pool.js';
import { ADDRESS_PLAN_KEY, AddressPlanRecord, SubnetRecord } from '../src/model/subnet.js';
import type { IpamContext } from './allocation-context.js';
import { byCidr } from './cidr-order.js';
import type { Draft } from './draft.js';
import { networksWith } from './networks-of-subnet.js';
import { newPool, requireCompatible, requireValid } from './new-pool.js';
import { listPools } from './pool-choice.js';
import { holdsOn } from './subnet-holds.js';
import { removeSubnet } from './subnet-removal.js';

/** Changes of pools, each one transaction that no change of another node can pass unseen. */
export class PoolAdmin {
  readonly #context: IpamContext;

  constructor(context: IpamContext) {
    this.#context = context;
  }

  async list(): Promise<readonly Pool[]> {
    const { ledger } = this.#context;
    return byCidr(await ledger.run({ fresh: true, decide: (draft) => draft.list(PoolRecord, PoolRecord.prefix) }));
  }

  add(descriptions: readonly (PoolOptions & { readonly cidr: Cidr })[]): Promise<readonly Pool[]> {
    return this.#change(async (draft, pools) => {
      const added: Pool[] = [];
      for (const description of descriptions) {
        const pool = newPool(description);
        requireCompatible(pool, [...pools, ...added]);
        draft.write(PoolRecord, poolKey(pool.cidr), pool);
        added.push(pool);
      }
      return added;
    });
  }

  set(name: string, changes: PoolChanges): Promise<Pool> {
    return this.#change(async (draft, pools) => {
      const before = find(name, pools);
      const { nodeSelector, ...others } = changes;
      const given = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined));
      const { nodeSelector: old, ...rest } = { ...before, ...given };
      const selector = nodeSelector === undefined ? old : nodeSelector;
      const after: Pool = selector === null || selector === undefined ? rest : { ...rest, nodeSelector: selector };
      requireValid(after);
      requireCompatible(
        after,
        pools.filter((pool) => pool.cidr !== before.cidr),
      );
      draft.write(PoolRecord, poolKey(after.cidr), after);
      return after;
    });
  }

  remove(names: readonly string[]): Promise<readonly Pool[]> {
    return this.#change(async (draft, pools) => {
      const doomed = [...new Set(names.map((name) => find(name, pools)))];
      const subnets = await draft.list(SubnetRecord, SubnetRecord.prefix);
      for (const pool of doomed) {
        for (const subnet of subnets.filter((s) => overlaps(s.cidr, pool.cidr))) {
          const holds = await holdsOn(draft, subnet.cidr);
          if (subnet.use === 'used' || holds.length > 0) throw this.#inUse(pool, subnet.cidr, holds[0]?.node);
          await removeSubnet(draft, subnet);
        }
        draft.write(PoolRecord, poolKey(pool.cidr), undefined);
      }
      return doomed;
    });
  }

  #change<T>(decide: (draft: Draft, pools: readonly Pool[]) => Promise<T>): Promise<T> {
    return this.#context.ledger.run({
      fresh: true,
      decide: async (draft) => {
        await draft.read(AddressPlanRecord, ADDRESS_PLAN_KEY);
        const result = await decide(draft, await draft.list(PoolRecord, PoolRecord.prefix));
        draft.write(AddressPlanRecord, ADDRESS_PLAN_KEY, { changedBy: this.#context.node });
        return result;
      },
    });
  }

  #inUse(pool: Pool, subnet: Cidr, node: NodeName | undefined): ConflictError {
    const names = networksWith(this.#context.store, subnet);
    const who =
      names.length > 0 ? `network ${names.join(', ')}` : `a network${node === undefined ? '' : ` of node ${node}`}`;
    return new ConflictError(
      `pool ${pool.name} is in use: ${who} has subnet ${subnet}; remove the network first, or stop new use with "corduroy pool set ${pool.name} --disable"`,
    );
  }
}

function find(name: string, pools: readonly Pool[]): Pool {
  const pool = pools.find((p) => p.name === name || p.cidr === name);
  if (pool !== undefined) return pool;
  if (name === '') throw new InvalidRequestError(`no pool is named; give a CIDR or a name: ${listPools(pools)}`);
  throw new NotFoundError(`there is no pool ${JSON.stringify(name.slice(0, 140))}: ${listPools(pools)}`);
}
