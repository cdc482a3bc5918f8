import type { BgpSessionType } from '../../src/effects/bgp-status.js';
import type { BgpPassword, BgpPeer } from '../../src/model/bgp-peer.js';
import type { BgpSettings } from '../../src/model/bgp-settings.js';
import { familyOf, type IpAddress, type IpFamily } from '../../src/model/ip-address.js';
import type { Node, RouteReflectorClusterId } from '../../src/model/node.js';

/** One end of a session. */
export interface BgpSpeakerAddress {
  readonly address: IpAddress;
  readonly asNumber: number;
}

/** A session that this node should have. */
export interface BgpSession {
  readonly type: BgpSessionType;
  /** The node's name, or the address of one that is no node. */
  readonly peer: string;
  readonly family: IpFamily;
  readonly local: BgpSpeakerAddress;
  readonly remote: BgpSpeakerAddress;
  /** Of this node, where it is a reflector and passes the routes of other nodes on to the peer (RFC 4456). */
  readonly clusterId?: RouteReflectorClusterId | undefined;
  readonly password?: BgpPassword | undefined;
  readonly passive: boolean;
  readonly bfd: boolean;
  readonly ttlSecurity?: number | undefined;
}

/** The cluster as far as sessions depend on it. */
export interface BgpTopology {
  readonly self: Node;
  /** Every node, this one among them or not. */
  readonly nodes: Iterable<Node>;
  readonly peers: Iterable<BgpPeer>;
  readonly settings: BgpSettings;
}

/**
 * The sessions of this node, one for each address, sorted by it.
 *
 * Nodes that are no reflectors speak to each other while the mesh is on, and to every reflector; reflectors speak to
 * every node. Where several reasons give one address, the most particular decides: a peer of this node, a peer of every
 * node, a reflector, the mesh.
 */
export function bgpSessions(topology: BgpTopology): readonly BgpSession[] {
  const found = [...sessionsOfNodes(topology), ...sessionsOfPeers(topology)];
  const byAddress = new Map<IpAddress, BgpSession>();
  for (const session of found.sort((a, b) => PARTICULARITY[a.type] - PARTICULARITY[b.type])) {
    byAddress.set(session.remote.address, session);
  }
  const { ip, ip6 } = topology.self;
  return [...byAddress.values()]
    .filter(({ remote: { address } }) => address !== ip && address !== ip6)
    .sort((a, b) => (a.remote.address < b.remote.address ? -1 : 1));
}

const PARTICULARITY: Readonly<Record<BgpSessionType, number>> = { mesh: 0, reflector: 1, global: 2, node: 3 };

function sessionsOfNodes({ self, nodes, settings }: BgpTopology): BgpSession[] {
  return [...nodes].flatMap((node) => {
    const type = typeBetween(self, node, settings);
    if (type === undefined) return [];
    return [node.ip, node.ip6].flatMap((address) => {
      const local = address === undefined ? undefined : localEnd(self, familyOf(address), settings);
      if (address === undefined || local === undefined) return [];
      const remote = { address, asNumber: node.asNumber ?? settings.defaultAsNumber };
      // To another AS everything passes anyway, and there is no such thing as reflection.
      const clusterId = remote.asNumber === local.asNumber ? self.routeReflectorClusterId : undefined;
      return { type, peer: node.name, family: familyOf(address), local, remote, clusterId, ...PLAIN };
    });
  });
}

const PLAIN = { passive: false, bfd: false };

function typeBetween(self: Node, other: Node, { mesh }: BgpSettings): BgpSessionType | undefined {
  if (other.name === self.name) return undefined;
  if ((self.routeReflectorClusterId ?? other.routeReflectorClusterId) !== undefined) return 'reflector';
  return mesh ? 'mesh' : undefined;
}

function sessionsOfPeers({ self, peers, settings }: BgpTopology): BgpSession[] {
  return [...peers].flatMap((peer) => {
    const family = familyOf(peer.address);
    const local = localEnd(self, family, settings);
    if (local === undefined || (peer.node !== undefined && peer.node !== self.name)) return [];
    const { address, asNumber, password, passive, bfd, ttlSecurity } = peer;
    const remote = { address, asNumber };
    const type = peer.node === undefined ? 'global' : 'node';
    return { type, peer: address, family, local, remote, password, passive, bfd, ttlSecurity };
  });
}

function localEnd(self: Node, family: IpFamily, settings: BgpSettings): BgpSpeakerAddress | undefined {
  const address = family === 4 ? self.ip : self.ip6;
  return address === undefined ? undefined : { address, asNumber: self.asNumber ?? settings.defaultAsNumber };
}

/** One that is between nodes of the cluster, whatever the reason. */
export const isBetweenNodes = ({ type }: Pick<BgpSession, 'type'>): boolean => type === 'mesh' || type === 'reflector';

/**
 * Whether sessions between nodes that stay have other terms than before: another AS number, or reflection. They cannot
 * change while they last.
 */
export function endsSessionsOfNodes(before: readonly BgpSession[], after: readonly BgpSession[]): boolean {
  const terms = new Map(before.filter(isBetweenNodes).map((session) => [session.remote.address, termsOf(session)]));
  return after.filter(isBetweenNodes).some((session) => {
    const former = terms.get(session.remote.address);
    return former !== undefined && former !== termsOf(session);
  });
}

const termsOf = ({ local, remote, clusterId }: BgpSession): string => JSON.stringify([local, remote, clusterId]);
