import { z } from 'zod';
import type { BgpStatus } from '../../effects/bgp-status.js';
import { ABSENT } from '../../effects/datastore.js';
import { asNumberSchema } from '../../model/as-number.js';
import { type BgpPeer, BgpPeerRecord, bgpPeerKey, parseBgpPassword, ttlSecuritySchema } from '../../model/bgp-peer.js';
import {
  BGP_SETTINGS_KEY,
  type BgpSettings,
  BgpSettingsRecord,
  DEFAULT_BGP_SETTINGS,
} from '../../model/bgp-settings.js';
import { ConflictError } from '../../model/errors.js';
import { parseNodeName } from '../../model/ids.js';
import { parseIpAddress } from '../../model/ip-address.js';
import { parsed } from '../../model/record.js';
import type { AdminContext } from './admin-context.js';
import { changeRouting } from './change.js';
import { notFound } from './not-found.js';
import { type ChangeReply, changeReply, route } from './route.js';

const sessionView = z
  .strictObject({
    peer: z.string().describe("The node's name, or the address of one that is no node"),
    address: z.string(),
    asNumber: z.int(),
    type: z.enum(['mesh', 'reflector', 'global', 'node']),
    state: z.string(),
    since: z.string().nullable(),
    imported: z.int().describe('Routes taken from the peer'),
    exported: z.int().describe('Routes given to the peer'),
    error: z.string().nullable(),
  })
  .meta({ id: 'BgpSession' });

export const bgpStatusView = z
  .strictObject({ problems: z.array(z.string()), sessions: z.array(sessionView) })
  .meta({ id: 'BgpStatus' });

export const viewBgpStatus = ({ problems, sessions }: BgpStatus): z.infer<typeof bgpStatusView> => ({
  problems: [...problems],
  sessions: sessions.map((session) => ({
    ...session,
    since: session.since?.toISOString() ?? null,
    error: session.error ?? null,
  })),
});

const NO_BGP: BgpStatus = {
  sessions: [],
  problems: ["this host does not exchange routes by BGP: its daemon's setting routeDistribution is not bgp"],
};

const settingsView = z.strictObject({ mesh: z.boolean(), defaultAsNumber: asNumberSchema }).meta({ id: 'BgpSettings' });

const peerView = z
  .strictObject({
    address: z.string(),
    asNumber: z.int(),
    node: z.string().nullable().describe('The only node that speaks to it; null: every node does'),
    hasPassword: z.boolean(),
    passive: z.boolean(),
    bfd: z.boolean(),
    ttlSecurity: z.int().nullable(),
  })
  .meta({ id: 'BgpPeer' });

const viewPeer = ({ address, asNumber, node, password, passive, bfd, ttlSecurity }: BgpPeer) => ({
  address,
  asNumber,
  node: node ?? null,
  hasPassword: password !== undefined,
  passive,
  bfd,
  ttlSecurity: ttlSecurity ?? null,
});

const newPeer = z.strictObject({
  address: parsed(parseIpAddress),
  asNumber: asNumberSchema,
  node: parsed(parseNodeName).optional(),
  password: parsed(parseBgpPassword).optional().describe('TCP MD5 (RFC 2385); never answered'),
  passive: z.boolean().default(false),
  bfd: z.boolean().default(false),
  ttlSecurity: ttlSecuritySchema.optional().describe('Most hops that the peer may be away (RFC 5082)'),
});

const settingsOf = ({ store }: AdminContext): BgpSettings => store.bgpSettings?.value ?? DEFAULT_BGP_SETTINGS;

const nodesOf = ({ store }: AdminContext): readonly string[] => [...store.nodes.keys()];

function changeSettings(context: AdminContext, wanted: Partial<BgpSettings>): Promise<ChangeReply> {
  return changeRouting(context, () => {
    const before = context.store.bgpSettings;
    const after: BgpSettings = {
      mesh: wanted.mesh ?? settingsOf(context).mesh,
      defaultAsNumber: wanted.defaultAsNumber ?? settingsOf(context).defaultAsNumber,
    };
    const value = BgpSettingsRecord.encode(after);
    const compares = [{ key: BGP_SETTINGS_KEY, revision: before?.revision ?? ABSENT }];
    const message = `the mesh is ${after.mesh ? 'on' : 'off'}, the default AS number is ${after.defaultAsNumber}`;
    if (value === BgpSettingsRecord.encode(settingsOf(context))) return { message, compares: [], writes: [] };
    return { message, compares, writes: [{ kind: 'put', key: BGP_SETTINGS_KEY, value }] };
  });
}

function addPeer(context: AdminContext, peer: BgpPeer): Promise<ChangeReply> {
  const { node, address, asNumber } = peer;
  if (node !== undefined && !context.store.nodes.has(node)) throw notFound('node', node, nodesOf(context));
  const speakers = node === undefined ? 'every node' : `node ${node}`;
  return changeRouting(context, () => {
    const key = bgpPeerKey(peer);
    const value = BgpPeerRecord.encode(peer);
    const found = context.store.bgpPeers.get(key);
    if (found !== undefined) {
      if (BgpPeerRecord.encode(found.value) === value) {
        return { message: `${speakers} speaks to ${address} so already`, compares: [], writes: [] };
      }
      throw new ConflictError(
        `${speakers} speaks to ${address} already, with other settings; remove that peer first, with "corduroy bgp peer remove ${address}"`,
      );
    }
    return {
      message: `${speakers} speaks to ${address}, AS ${asNumber}`,
      compares: [{ key, revision: ABSENT }],
      writes: [{ kind: 'put', key, value }],
    };
  });
}

function removePeer(context: AdminContext, peer: Pick<BgpPeer, 'address' | 'node'>): Promise<ChangeReply> {
  const key = bgpPeerKey(peer);
  return changeRouting(context, () => {
    const found = context.store.bgpPeers.get(key);
    if (found === undefined) throw noPeer(context, peer);
    const { revision } = found;
    return {
      message: `removed peer ${peer.address}${peer.node === undefined ? '' : ` of node ${peer.node}`}`,
      compares: [{ key, revision }],
      writes: [{ kind: 'delete', key }],
    };
  });
}

function noPeer({ store }: AdminContext, { address, node }: Pick<BgpPeer, 'address' | 'node'>): Error {
  const peers = [...store.bgpPeers.values()].map(({ value }) => value);
  const other = peers.find((peer) => peer.address === address);
  if (other !== undefined) {
    const whose =
      other.node === undefined ? 'of every node; leave --node out' : `of node ${other.node}; name it with --node`;
    return new ConflictError(
      `peer ${address} is not one ${node === undefined ? 'of every node' : `of node ${node}`}, but ${whose}`,
    );
  }
  return notFound('bgp peer', address, [...new Set(peers.map((peer) => peer.address))]);
}

export const bgpRoutes = [
  route({
    method: 'get',
    path: '/bgp',
    tag: 'bgp',
    summary: 'How nodes speak BGP to one another',
    response: settingsView,
    handle: (context) => ({ ...settingsOf(context) }),
  }),
  route({
    method: 'patch',
    path: '/bgp',
    tag: 'bgp',
    summary: 'Change how nodes speak BGP to one another; what is left out stays',
    body: z.strictObject({ mesh: z.boolean().optional(), defaultAsNumber: asNumberSchema.optional() }),
    response: changeReply,
    handle: (context, { body }) =>
      changeSettings(context, {
        ...(body.mesh === undefined ? {} : { mesh: body.mesh }),
        ...(body.defaultAsNumber === undefined ? {} : { defaultAsNumber: body.defaultAsNumber }),
      }),
  }),
  route({
    method: 'get',
    path: '/bgp/sessions',
    tag: 'bgp',
    summary: "This node's sessions as they are now",
    response: bgpStatusView,
    handle: async ({ bgp }) => viewBgpStatus(bgp === undefined ? NO_BGP : await bgp.status()),
  }),
  route({
    method: 'get',
    path: '/bgp/peers',
    tag: 'bgp',
    summary: 'Every peer outside the cluster, by address',
    response: z.array(peerView),
    handle: ({ store }) =>
      [...store.bgpPeers.values()]
        .map(({ value }) => viewPeer(value))
        .sort((a, b) => (`${a.address} ${a.node ?? ''}` < `${b.address} ${b.node ?? ''}` ? -1 : 1)),
  }),
  route({
    method: 'post',
    path: '/bgp/peers',
    tag: 'bgp',
    summary: 'Let every node, or one, speak BGP to a router outside the cluster',
    body: newPeer,
    response: changeReply,
    handle: (context, { body }) => addPeer(context, body),
  }),
  route({
    method: 'delete',
    path: '/bgp/peers/:address',
    tag: 'bgp',
    summary: 'End that; what it told is forgotten',
    params: z.object({ address: parsed(parseIpAddress) }),
    query: z.strictObject({ node: parsed(parseNodeName).optional() }),
    response: changeReply,
    handle: (context, { params, query }) => removePeer(context, { ...params, node: query.node }),
  }),
];
