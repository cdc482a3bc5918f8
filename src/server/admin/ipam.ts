import { z } from 'zod';
import type { AddressReport, BlockReport, IpamFinding, Usage } from '../../effects/ipam-admin.js';
import { filtered } from '../../model/filtered.js';
import { isTunnelHandle } from '../../model/handle.js';
import { parseIpAddress } from '../../model/ip-address.js';
import type { IpamSettings } from '../../model/ipam-settings.js';
import { parsed } from '../../model/record.js';
import type { AdminContext } from './admin-context.js';
import { inForce } from './change.js';
import { viewPool } from './pools.js';
import { changeReply, route } from './route.js';

const count = z
  .string()
  .regex(/^\d+$/)
  .describe('A whole number as text: IPv6 has more addresses than JSON numbers count');
const usageView = z
  .strictObject({ size: count, assigned: count, cooling: count, reserved: count, free: count, borrowed: count })
  .meta({ id: 'Usage' });

const viewUsage = ({ size, assigned, cooling, reserved, free, borrowed }: Usage) => ({
  size: String(size),
  assigned: String(assigned),
  cooling: String(cooling),
  reserved: String(reserved),
  free: String(free),
  borrowed: String(borrowed),
});

const blockView = z
  .strictObject({ cidr: z.string(), subnet: z.string(), node: z.string().nullable(), usage: usageView })
  .meta({ id: 'Block' });

const viewBlock = ({ cidr, subnet, node, usage }: BlockReport) => ({
  cidr,
  subnet,
  node: node ?? null,
  usage: viewUsage(usage),
});

const utilisationView = z
  .strictObject({
    pool: z.string(),
    name: z.string(),
    usage: usageView,
    subnets: z.array(
      z.strictObject({
        cidr: z.string(),
        networks: z.array(z.string()),
        nodes: z.array(z.string()),
        usage: usageView,
      }),
    ),
  })
  .meta({ id: 'Utilisation' });

const addressView = z
  .strictObject({
    address: z.string(),
    pool: z.string().nullable(),
    subnet: z.string().nullable(),
    block: z.string().nullable(),
    state: z.enum(['outside', 'free', 'cooling', 'unbound', 'bound', 'reserved']),
    since: z.string().nullable(),
    node: z.string().nullable(),
    handle: z.string().nullable(),
    purpose: z.enum(['gateway', 'auxiliary', 'tunnel']).nullable(),
    endpoint: z.string().nullable(),
    container: z.string().nullable(),
  })
  .meta({ id: 'Address' });

function viewAddress({ store }: AdminContext, { address, pool, subnet, block, is }: AddressReport) {
  const [found] = filtered(store.endpoints.values(), ({ value }) => value.addresses.includes(address));
  const endpoint = found?.value;
  const held = is.state === 'bound' || is.state === 'unbound' ? is : undefined;
  return {
    address,
    pool: pool ?? null,
    subnet: subnet ?? null,
    block: block ?? null,
    state: is.state,
    since: held?.since ?? (is.state === 'cooling' ? is.releasedAt : null),
    node: held?.node ?? endpoint?.node ?? null,
    handle: held?.handle ?? null,
    purpose: is.state === 'reserved' ? is.purpose : held && isTunnelHandle(held.handle) ? ('tunnel' as const) : null,
    endpoint: endpoint?.id ?? null,
    container: endpoint?.container?.name ?? null,
  };
}

const findingView = z
  .strictObject({
    kind: z.string(),
    subject: z.string(),
    message: z.string(),
    repair: z.string().nullable().describe('What a repair does; null: only a person can'),
    repaired: z.boolean(),
  })
  .meta({ id: 'IpamFinding' });

const viewFinding = ({ kind, subject, message, repair, repaired }: IpamFinding) => ({
  kind,
  subject,
  message,
  repair: repair ?? null,
  repaired,
});

const settingsView = z
  .strictObject({
    strictAffinity: z.boolean().describe("No node takes an address from another node's block"),
    maxBlocksPerHost: z
      .int()
      .nullable()
      .describe("Most blocks of one network's subnet that a node may have; null: no limit"),
  })
  .meta({ id: 'IpamSettings' });

const viewSettings = ({ strictAffinity, maxBlocksPerHost }: IpamSettings) => ({
  strictAffinity,
  maxBlocksPerHost: maxBlocksPerHost ?? null,
});

const params = z.object({ address: parsed(parseIpAddress) });

export const ipamRoutes = [
  route({
    method: 'get',
    path: '/ipam/utilisation',
    tag: 'ipam',
    summary: 'Counts of addresses by pool and subnet',
    response: z.array(utilisationView),
    handle: async ({ ipam }) =>
      (await ipam.utilisation()).map(({ pool, usage, subnets }) => ({
        pool: pool.cidr,
        name: viewPool(pool).name,
        usage: viewUsage(usage),
        subnets: subnets.map(({ cidr, networks, nodes, usage }) => ({
          cidr,
          networks: [...networks],
          nodes: [...nodes],
          usage: viewUsage(usage),
        })),
      })),
  }),
  route({
    method: 'get',
    path: '/ipam/blocks',
    tag: 'ipam',
    summary: 'Every block and the node that it belongs to',
    response: z.array(blockView),
    handle: async ({ ipam }) => (await ipam.blocks()).map(viewBlock),
  }),
  route({
    method: 'get',
    path: '/ipam/addresses/:address',
    tag: 'ipam',
    summary: 'What is known about one address',
    params,
    response: addressView,
    handle: async (context, { params: { address } }) => viewAddress(context, await context.ipam.show(address)),
  }),
  route({
    method: 'delete',
    path: '/ipam/addresses/:address',
    tag: 'ipam',
    summary: 'Free an address that no living endpoint has',
    params,
    response: changeReply,
    handle: async (context, { params: { address } }) => {
      const outcome = await context.ipam.release(address);
      if (outcome === 'released') return inForce(context, `released ${address}`);
      return { message: `${address} was not assigned: there was nothing to release`, inForce: true };
    },
  }),
  route({
    method: 'get',
    path: '/ipam/settings',
    tag: 'ipam',
    summary: 'How all nodes share addresses',
    response: settingsView,
    handle: async ({ ipam }) => viewSettings(await ipam.settings()),
  }),
  route({
    method: 'patch',
    path: '/ipam/settings',
    tag: 'ipam',
    summary: 'Change how all nodes share addresses; what is left out stays',
    body: z.strictObject({
      strictAffinity: z.boolean().optional(),
      maxBlocksPerHost: z.int().min(1).nullable().optional().describe('Null: no limit'),
    }),
    response: changeReply,
    handle: async ({ ipam }, { body }) => {
      const { strictAffinity, maxBlocksPerHost } = await ipam.configure(body);
      const limit =
        maxBlocksPerHost === undefined ? 'no limit of blocks' : `at most ${maxBlocksPerHost} blocks of a subnet`;
      return { message: `strict affinity is ${strictAffinity ? 'on' : 'off'}, ${limit} for each node`, inForce: true };
    },
  }),
  route({
    method: 'post',
    path: '/ipam/check',
    tag: 'ipam',
    summary: 'Compare pools, subnets, blocks, handles and endpoints; put right what can be, if asked',
    body: z.strictObject({ repair: z.boolean() }),
    response: z.strictObject({
      blocks: z.int(),
      addresses: z.int(),
      endpoints: z.int(),
      findings: z.array(findingView),
    }),
    handle: async ({ ipam }, { body }) => {
      const { findings, ...counts } = await ipam.check(body);
      return { ...counts, findings: findings.map(viewFinding) };
    },
  }),
];
