import { z } from 'zod';
import type { PoolOptions } from '../../effects/ipam-admin.js';
import { parseCidr } from '../../model/cidr.js';
import { ConflictError, InvalidRequestError } from '../../model/errors.js';
import { parseIpAddress } from '../../model/ip-address.js';
import type { Encapsulation, Pool } from '../../model/pool.js';
import { parsed } from '../../model/record.js';
import { parseSelectorText } from '../../model/selector.js';
import type { AdminContext } from './admin-context.js';
import { inForce } from './change.js';
import { notFound } from './not-found.js';
import { changeReply, route } from './route.js';

const poolView = z
  .strictObject({
    cidr: z.string(),
    name: z.string(),
    blockSize: z.int(),
    networkPrefix: z.int(),
    encapsulation: z.enum(['none', 'ipip', 'vxlan']),
    crossSubnet: z.boolean(),
    natOutgoing: z.boolean(),
    disabled: z.boolean(),
    nodeSelector: z.string().nullable().describe('Nodes that may assign from it; null: all'),
  })
  .meta({ id: 'Pool' });

export const viewPool = ({ cidr, name, blockSize, networkPrefix, encapsulation, ...pool }: Pool) => ({
  cidr,
  name,
  blockSize,
  networkPrefix,
  encapsulation: encapsulation.kind,
  crossSubnet: encapsulation.kind !== 'none' && encapsulation.crossSubnet,
  natOutgoing: pool.natOutgoing,
  disabled: pool.disabled,
  nodeSelector: pool.nodeSelector ?? null,
});

const changeable = {
  name: z.string().min(1).max(128).optional(),
  networkPrefix: z.int().min(1).max(128).optional(),
  encapsulation: z.enum(['none', 'ipip', 'vxlan']).optional(),
  crossSubnet: z.boolean().optional(),
  natOutgoing: z.boolean().optional(),
  disabled: z.boolean().optional(),
};
const selector = parsed(parseSelectorText);
const creatable = { ...changeable, blockSize: z.int().min(20).max(128).optional(), nodeSelector: selector.optional() };

interface Asked {
  readonly encapsulation?: Encapsulation['kind'] | undefined;
  readonly crossSubnet?: boolean | undefined;
}

/**
 * The options as address management takes them.
 *
 * @param former the pool's as it is; what is not asked for stays
 */
function optionsOf<T extends Asked>(
  { encapsulation, crossSubnet, ...options }: T,
  former?: Encapsulation,
): Omit<T, keyof Asked> & { readonly encapsulation?: Encapsulation } {
  const kind = encapsulation ?? former?.kind ?? 'none';
  if (kind === 'none') {
    if (crossSubnet === true) {
      throw new InvalidRequestError(
        'crossSubnet means nothing without encapsulation; add --encap vxlan, or leave --cross-subnet out',
      );
    }
    return { ...options, ...(encapsulation === undefined ? {} : { encapsulation: NO_ENCAPSULATION }) };
  }
  if (encapsulation === undefined && crossSubnet === undefined) return options;
  const before = former !== undefined && former.kind !== 'none' && former.crossSubnet;
  return { ...options, encapsulation: { kind, crossSubnet: crossSubnet ?? before } satisfies Encapsulation };
}

/** @throws ConflictError: the cluster's other hosts tell for themselves */
async function requireSupport(
  { supportsTunnel }: AdminContext,
  { encapsulation }: { readonly encapsulation?: Encapsulation | undefined },
): Promise<void> {
  if (encapsulation === undefined || encapsulation.kind === 'none') return;
  if (await supportsTunnel(encapsulation.kind)) return;
  const other = encapsulation.kind === 'ipip' ? ', or use --encap vxlan' : '';
  throw new ConflictError(
    `this host's kernel cannot encapsulate in ${encapsulation.kind}: it lacks the module ${encapsulation.kind}; load it ("modprobe ${encapsulation.kind}")${other}`,
  );
}

const NO_ENCAPSULATION: Encapsulation = { kind: 'none' };

const names = (pools: readonly Pool[]): string => pools.map(({ cidr }) => cidr).join(', ');
const params = z.object({ pool: z.string() });

export const poolRoutes = [
  route({
    method: 'get',
    path: '/pools',
    tag: 'pools',
    summary: 'Every pool, by CIDR',
    response: z.array(poolView),
    handle: async ({ ipam }) => (await ipam.pools()).map(viewPool),
  }),
  route({
    method: 'post',
    path: '/pools',
    tag: 'pools',
    summary: 'Add pools, all or none',
    body: z.strictObject({ cidrs: z.array(parsed(parseCidr)).min(1), ...creatable }),
    response: changeReply,
    handle: async (context, { body: { cidrs, ...asked } }) => {
      const options: PoolOptions = optionsOf(asked);
      await requireSupport(context, options);
      const added = await context.ipam.addPools(cidrs.map((cidr) => ({ cidr, ...options })));
      return inForce(context, `added pool ${names(added)}`);
    },
  }),
  route({
    method: 'post',
    path: '/pool-ranges',
    tag: 'pools',
    summary: 'Add pools that are exactly a range of addresses, both ends included',
    body: z.strictObject({ first: parsed(parseIpAddress), last: parsed(parseIpAddress), ...creatable }),
    response: changeReply,
    handle: async (context, { body: { first, last, ...asked } }) => {
      const options: PoolOptions = optionsOf(asked);
      await requireSupport(context, options);
      const added = await context.ipam.addPoolRange({ first, last, ...options });
      return inForce(context, `added pool ${names(added)}`);
    },
  }),
  route({
    method: 'get',
    path: '/pools/:pool',
    tag: 'pools',
    summary: 'One pool, by CIDR or name',
    params,
    response: poolView,
    handle: async ({ ipam }, { params: { pool } }) => viewPool(findPool(await ipam.pools(), pool)),
  }),
  route({
    method: 'patch',
    path: '/pools/:pool',
    tag: 'pools',
    summary: 'Change a pool; what is left out stays',
    params,
    body: z.strictObject({
      ...changeable,
      nodeSelector: selector.nullable().optional().describe('Null: every node may assign from it'),
    }),
    response: changeReply,
    handle: async (context, { params: { pool }, body }) => {
      const former = findPool(await context.ipam.pools(), pool).encapsulation;
      const changes = optionsOf(body, former);
      await requireSupport(context, changes);
      const changed = await context.ipam.setPool(pool, changes);
      return inForce(context, `changed pool ${changed.cidr}`);
    },
  }),
  route({
    method: 'delete',
    path: '/pools/:pool',
    tag: 'pools',
    summary: 'Remove a pool that no network uses',
    params,
    response: changeReply,
    handle: async (context, { params: { pool } }) => {
      const removed = await context.ipam.removePools([pool]);
      return inForce(context, `removed pool ${names(removed)}`);
    },
  }),
];

function findPool(pools: readonly Pool[], wanted: string): Pool {
  const found = pools.find(({ cidr, name }) => cidr === wanted || name === wanted);
  if (found !== undefined) return found;
  throw notFound(
    'pool',
    wanted,
    pools.map(({ cidr }) => cidr),
  );
}
