import { z } from 'zod';
import type { PoolOptions } from '../../effects/ipam-admin.js';
import { parseCidr } from '../../model/cidr.js';
import { InvalidRequestError } from '../../model/errors.js';
import { parseIpAddress } from '../../model/ip-address.js';
import type { Encapsulation, Pool } from '../../model/pool.js';
import { parsed } from '../../model/record.js';
import { parseSelectorText } from '../../model/selector.js';
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

type Asked = { readonly encapsulation?: string | undefined; readonly crossSubnet?: boolean | undefined };

/** The options as address management takes them. What does nothing in this version is refused. */
function optionsOf<T extends Asked>({ encapsulation, crossSubnet, ...options }: T) {
  if (encapsulation !== undefined && encapsulation !== 'none') {
    throw new InvalidRequestError(
      `cannot make a pool with encapsulation ${encapsulation}: this version does not carry packets between hosts yet; leave --encap out`,
    );
  }
  if (crossSubnet === true) {
    throw new InvalidRequestError('crossSubnet means nothing without encapsulation; leave --cross-subnet out');
  }
  return encapsulation === undefined
    ? options
    : { ...options, encapsulation: { kind: 'none' } satisfies Encapsulation };
}

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
      const added = await context.ipam.addPoolRange({ first, last, ...optionsOf(asked) });
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
      const changed = await context.ipam.setPool(pool, optionsOf(body));
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
