import { z } from 'zod';
import type { ClusterView } from '../../effects/cluster-view.js';
import type { NodeName } from '../../model/ids.js';
import type { Node } from '../../model/node.js';
import { notFound } from './not-found.js';
import { route } from './route.js';

const nodeView = z
  .strictObject({
    name: z.string(),
    ip: z.string().nullable(),
    ip6: z.string().nullable(),
    asNumber: z.int().nullable(),
    labels: z.record(z.string(), z.string()),
    version: z.string(),
    startedAt: z.string(),
    endpoints: z.int(),
    thisNode: z.boolean(),
  })
  .meta({ id: 'Node' });

const viewNode = (view: ClusterView, self: NodeName, node: Node) => ({
  name: node.name,
  ip: node.ip ?? null,
  ip6: node.ip6 ?? null,
  asNumber: node.asNumber ?? null,
  labels: { ...node.labels },
  version: node.version,
  startedAt: node.startedAt,
  endpoints: [...view.endpoints.values()].filter(({ value }) => value.node === node.name).length,
  thisNode: node.name === self,
});

export const nodeRoutes = [
  route({
    method: 'get',
    path: '/nodes',
    tag: 'nodes',
    summary: 'Every node, by name',
    response: z.array(nodeView),
    handle: ({ store, node }) =>
      [...store.nodes.values()]
        .map(({ value }) => viewNode(store, node, value))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
  }),
  route({
    method: 'get',
    path: '/nodes/:node',
    tag: 'nodes',
    summary: 'One node, by name',
    params: z.object({ node: z.string() }),
    response: nodeView,
    handle: ({ store, node }, { params }) => {
      const found = store.nodes.get(params.node as NodeName);
      if (found === undefined) throw notFound('node', params.node, [...store.nodes.keys()]);
      return viewNode(store, node, found.value);
    },
  }),
];
