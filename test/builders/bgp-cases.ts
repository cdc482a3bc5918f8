import { type BgpTopology, bgpSessions } from '../../routing/bgp/bgp-sessions.js';
import type { BirdInput } from '../../routing/bgp/bird-config.js';
import { type BgpPeer, parseBgpPassword } from '../../src/model/bgp-peer.js';
import { DEFAULT_BGP_SETTINGS } from '../../src/model/bgp-settings.js';
import { parseCidr } from '../../src/model/cidr.js';
import { parseNodeName } from '../../src/model/ids.js';
import { type IpAddress, parseIpAddress } from '../../src/model/ip-address.js';
import { type Node, parseRouteReflectorClusterId } from '../../src/model/node.js';

/** Node `hN` at 10.99.0.1N. */
export const aNode = (n: number, changes: Partial<Node> = {}): Node => ({
  name: parseNodeName(`h${n}`),
  ip: parseIpAddress(`10.99.0.1${n}`),
  labels: {},
  version: '1',
  startedAt: '',
  ...changes,
});

export const aReflector = (n: number, clusterId = '244.0.0.1', changes: Partial<Node> = {}): Node =>
  aNode(n, { routeReflectorClusterId: parseRouteReflectorClusterId(clusterId), ...changes });

export const aPeer = (address: string, changes: Partial<BgpPeer> = {}): BgpPeer => ({
  address: parseIpAddress(address),
  asNumber: 64_600,
  passive: false,
  bfd: false,
  ...changes,
});

/** The first of the nodes is this one. */
export const aTopology = (nodes: readonly [Node, ...Node[]], changes: Partial<BgpTopology> = {}): BgpTopology => ({
  self: nodes[0],
  nodes,
  peers: [],
  settings: DEFAULT_BGP_SETTINGS,
  ...changes,
});

const inputOf = (topology: BgpTopology, changes: Partial<BirdInput> = {}): BirdInput => ({
  routerId: topology.self.ip ?? ('240.0.0.1' as IpAddress),
  sessions: bgpSessions(topology),
  reflector: topology.self.routeReflectorClusterId !== undefined,
  pools: [parseCidr('10.64.0.0/12')],
  encapsulatedPools: [],
  ownBlocks: [parseCidr('10.64.0.0/26')],
  families: [4],
  logFile: '/var/lib/corduroy/bird/bird.log',
  metric: 2_080,
  ...changes,
});

const ip6 = (n: number) => ({ ip6: parseIpAddress(`fd99::1${n}`) });

/** Configurations with a golden file each, by its name. */
export const BIRD_CASES: Readonly<Record<string, BirdInput>> = {
  'one-node-without-pools': inputOf(aTopology([aNode(1)]), { pools: [], ownBlocks: [] }),
  'mesh-of-three': inputOf(aTopology([aNode(1), aNode(2), aNode(3)])),
  'mesh-with-ipv6': inputOf(aTopology([aNode(1, ip6(1)), aNode(2, ip6(2))]), {
    families: [4, 6],
    pools: [parseCidr('10.64.0.0/12'), parseCidr('fd80:c0de::/48')],
    ownBlocks: [parseCidr('10.64.0.0/26'), parseCidr('fd80:c0de::/122')],
  }),
  'mesh-with-ipv6-only': inputOf(aTopology([aNode(1, { ip: undefined, ...ip6(1) }), aNode(2, ip6(2))]), {
    families: [6],
    pools: [parseCidr('fd80:c0de::/48')],
    ownBlocks: [parseCidr('fd80:c0de::/122')],
  }),
  'as-number-of-each-node': inputOf(
    aTopology([aNode(1, { asNumber: 4_200_000_001 }), aNode(2, { asNumber: 65_546 }), aNode(3)]),
  ),
  'reflector-beside-another': inputOf(
    aTopology([aReflector(1), aReflector(2), aNode(3), aNode(4, { asNumber: 65_010 })]),
  ),
  'client-of-two-reflectors': inputOf(
    aTopology([aNode(3), aReflector(1), aReflector(2), aNode(4)], {
      settings: { mesh: false, defaultAsNumber: 64_513 },
    }),
  ),
  'peers-with-everything': inputOf(
    aTopology([aNode(1), aNode(2)], {
      peers: [
        aPeer('10.99.0.1', { password: parseBgpPassword('o\\pen sesame'), bfd: true }),
        aPeer('10.99.0.2', { node: parseNodeName('h1'), passive: true, ttlSecurity: 1 }),
        aPeer('10.99.0.3', { node: parseNodeName('h2') }),
      ],
    }),
  ),
  'pools-of-every-kind': inputOf(aTopology([aNode(1), aNode(2)]), {
    pools: ['10.64.0.0/12', '10.90.0.0/16', '10.91.0.0/16'].map(parseCidr),
    encapsulatedPools: ['10.90.0.0/16'].map(parseCidr),
    ownBlocks: ['10.64.0.0/26', '10.91.0.7/32', '10.90.1.0/24'].map(parseCidr),
  }),
};
