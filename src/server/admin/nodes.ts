import { z } from 'zod';
import type { ClusterView } from '../../effects/cluster-view.js';
import type { Liveness } from '../../effects/node-liveness.js';
import { asNumberSchema } from '../../model/as-number.js';
import { ConflictError, InvalidRequestError } from '../../model/errors.js';
import { type NodeName, parseNodeName } from '../../model/ids.js';
import { type Node, NodeRecord, nodeKey, parseRouteReflectorClusterId } from '../../model/node.js';
import { parsed } from '../../model/record.js';
import type { AdminContext } from './admin-context.js';
import { changeRouting, inForce } from './change.js';
import { countEndpoints } from './endpoint-counts.js';
import { notFound } from './not-found.js';
import { type ChangeReply, changeReply, route } from './route.js';

const nodeView = z
  .strictObject({
    name: z.string(),
    ip: z.string().nullable(),
    ip6: z.string().nullable(),
    tunnelIp: z.string().nullable().describe('The source of what the host itself sends into tunnels'),
    tunnelIp6: z.string().nullable(),
    asNumber: z.int().nullable().describe("Null: the cluster's default"),
    routeReflectorClusterId: z.string().nullable(),
    labels: z.record(z.string(), z.string()),
    version: z.string(),
    startedAt: z.string(),
    state: z.enum(['alive', 'gone', 'unknown']).describe('Whether its daemon lives, as far as the datastore tells'),
    lastSeen: z.string().nullable().describe('Of one that is gone: some minutes before its end at most'),
    endpoints: z.int(),
    thisNode: z.boolean(),
  })
  .meta({ id: 'Node' });

const viewNode = (self: NodeName, node: Node, endpointsOf: (name: NodeName) => number, is: Liveness | undefined) => ({
  name: node.name,
  ip: node.ip ?? null,
  ip6: node.ip6 ?? null,
  tunnelIp: node.tunnelIp ?? null,
  tunnelIp6: node.tunnelIp6 ?? null,
  asNumber: node.asNumber ?? null,
  routeReflectorClusterId: node.routeReflectorClusterId ?? null,
  labels: { ...node.labels },
  version: node.version,
  startedAt: node.startedAt,
  state: is?.state ?? ('unknown' as const),
  lastSeen: (is?.state === 'gone' ? is.lastSeen : undefined) ?? null,
  endpoints: endpointsOf(node.name),
  thisNode: node.name === self,
});

const countByNode = (view: ClusterView) => countEndpoints<NodeName>(view, ({ node }) => [node]);

/** What selectors can spell. */
const LABEL_KEY = /^[A-Za-z0-9_./-]{1,256}$/;
const value = z
  .string()
  .max(1_024)
  .regex(/^[^'"\p{Cc}]*$/u, 'is no value of a label; leave out quotation marks and control characters');

const nodeChange = z.strictObject({
  labels: z.record(z.string(), value.nullable()).optional().describe('To be set; null: to be taken away'),
  asNumber: asNumberSchema.nullable().optional().describe("Null: the cluster's default"),
  routeReflectorClusterId: parsed(parseRouteReflectorClusterId)
    .nullable()
    .optional()
    .describe('Null: it is no route reflector'),
});

function changeNode(context: AdminContext, name: NodeName, wanted: z.infer<typeof nodeChange>): Promise<ChangeReply> {
  const source = context.settings.find((setting) => setting.name === 'asNumber')?.source ?? 'default';
  if (wanted.asNumber !== undefined && name === context.node && source !== 'default') {
    throw new ConflictError(
      `the AS number of node ${name} comes from its daemon's settings (${source}), which would win again; change it there`,
    );
  }
  const strange = Object.keys(wanted.labels ?? {}).find((key) => !LABEL_KEY.test(key));
  if (strange !== undefined) {
    throw new InvalidRequestError(
      `${JSON.stringify(strange.slice(0, 80))} is no name of a label; use up to 256 letters, digits, "_", ".", "/" and "-", as selectors can spell`,
    );
  }
  return changeRouting(context, () => {
    const found = find(context, name);
    const labels = Object.entries({ ...found.value.labels, ...wanted.labels }).filter(([, text]) => text !== null);
    const after = {
      ...found.value,
      labels: Object.fromEntries(labels) as Node['labels'],
      asNumber: changed(found.value.asNumber, wanted.asNumber),
      routeReflectorClusterId: changed(found.value.routeReflectorClusterId, wanted.routeReflectorClusterId),
    };
    const record = NodeRecord.encode(after);
    if (record === NodeRecord.encode(found.value)) {
      return { message: `node ${name} is so already`, compares: [], writes: [] };
    }
    return {
      message: `changed node ${name}`,
      compares: [{ key: nodeKey(name), revision: found.revision }],
      writes: [{ kind: 'put', key: nodeKey(name), value: record }],
    };
  });
}

/** Left out stays; null takes it away. */
const changed = <T>(before: T | undefined, wanted: T | null | undefined): T | undefined =>
  wanted === undefined ? before : (wanted ?? undefined);

async function removeNode(context: AdminContext, node: NodeName, removeEndpoints: boolean): Promise<ChangeReply> {
  if (node === context.node) {
    throw new ConflictError(
      `cannot remove node ${node}: it is this host, and its daemon is running; stop that, and remove the node from another host`,
    );
  }
  const { endpoints, networks, addresses, known } = await context.nodeAdmin.remove(node, { removeEndpoints });
  if (!known && endpoints + networks + addresses === 0) throw notFound('node', node, [...context.store.nodes.keys()]);
  return inForce(context, `removed node ${node}: ${endpoints} endpoints, ${networks} networks, ${addresses} addresses`);
}

function find({ store }: AdminContext, name: NodeName) {
  const found = store.nodes.get(name);
  if (found === undefined) throw notFound('node', name, [...store.nodes.keys()]);
  return found;
}

const params = z.object({ node: parsed(parseNodeName) });

export const nodeRoutes = [
  route({
    method: 'get',
    path: '/nodes',
    tag: 'nodes',
    summary: 'Every node, by name',
    response: z.array(nodeView),
    handle: async ({ store, node, liveness }) => {
      const endpointsOf = countByNode(store);
      const is = await liveness.of(store.nodes.keys());
      const views = [...store.nodes.values()].map(({ value }) =>
        viewNode(node, value, endpointsOf, is.get(value.name)),
      );
      return views.sort((a, b) => (a.name < b.name ? -1 : 1));
    },
  }),
  route({
    method: 'get',
    path: '/nodes/:node',
    tag: 'nodes',
    summary: 'One node, by name',
    params,
    response: nodeView,
    handle: async (context, { params }) => {
      const { value } = find(context, params.node);
      const is = await context.liveness.of([value.name]);
      return viewNode(context.node, value, countByNode(context.store), is.get(value.name));
    },
  }),
  route({
    method: 'patch',
    path: '/nodes/:node',
    tag: 'nodes',
    summary: 'Change a node; what is left out stays',
    params,
    body: nodeChange,
    response: changeReply,
    handle: (context, { params, body }) => changeNode(context, params.node, body),
  }),
  route({
    method: 'delete',
    path: '/nodes/:node',
    tag: 'nodes',
    summary: 'Remove another node that is gone for good, with all that its records hold',
    params,
    query: z.strictObject({ removeEndpoints: z.enum(['true', 'false']).optional() }),
    response: changeReply,
    handle: (context, { params, query }) => removeNode(context, params.node, query.removeEndpoints === 'true'),
  }),
];
