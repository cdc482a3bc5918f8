import { z } from 'zod';
import type { ClusterView } from '../../effects/cluster-view.js';
import { type Endpoint, profilesOf } from '../../model/endpoint.js';
import { hostInterfaceOf, type ProfileName } from '../../model/ids.js';
import type { AdminContext } from './admin-context.js';

export const endpointView = z
  .strictObject({
    id: z.string(),
    node: z.string(),
    network: z.string().nullable().describe("Null: its network's record is not here"),
    container: z.strictObject({ id: z.string(), name: z.string() }).nullable().describe('Null until Docker has told'),
    addresses: z.array(z.string()),
    mac: z.string(),
    interface: z.string().describe("The host side's name"),
    profiles: z.array(z.string()),
    ownProfiles: z.boolean().describe("False: the profiles are its network's"),
    tags: z.array(z.string()).describe('Its own and those of its profiles'),
    labels: z.record(z.string(), z.string()),
    published: z.array(z.string()).describe('HOST:PORT->PORT/PROTOCOL'),
    attached: z.boolean().nullable().describe('Whether its link exists; null: it is on another node'),
    createdAt: z.string(),
  })
  .meta({ id: 'Endpoint' });

/** The profiles that decide about it now. Without its network's record only those of its own are known. */
export function effectiveProfiles(view: ClusterView, endpoint: Endpoint): readonly ProfileName[] {
  const network = view.networkOf(endpoint);
  return network === undefined ? (endpoint.profiles ?? []) : profilesOf(endpoint, network);
}

export function viewEndpoint(
  { store, node, dataplane }: AdminContext,
  endpoint: Endpoint,
): z.infer<typeof endpointView> {
  const profiles = effectiveProfiles(store, endpoint);
  const tags = [...endpoint.tags, ...profiles.flatMap((name) => store.profiles.get(name)?.value.tags ?? [])];
  return {
    id: endpoint.id,
    node: endpoint.node,
    network: store.networkOf(endpoint)?.name ?? null,
    container: endpoint.container ?? null,
    addresses: [...endpoint.addresses],
    mac: endpoint.mac,
    interface: hostInterfaceOf(endpoint.id),
    profiles: [...profiles],
    ownProfiles: endpoint.profiles !== undefined,
    tags: [...new Set(tags)],
    labels: { ...endpoint.labels },
    published: endpoint.published.map(
      ({ hostIp, hostPort, containerPort, protocol }) => `${hostIp ?? '*'}:${hostPort}->${containerPort}/${protocol}`,
    ),
    attached: endpoint.node === node ? dataplane.attached().has(endpoint.id) : null,
    createdAt: endpoint.createdAt,
  };
}
