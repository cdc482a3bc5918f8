import type { IpAddress, IpFamily } from '../../src/model/ip-address.js';
import { type BgpSession, isBetweenNodes } from './bgp-sessions.js';
import { birdFilters, type RoutedAddresses } from './bird-filters.js';

/** All that the configuration of one node's BIRD depends on. */
export interface BirdInput extends RoutedAddresses {
  /** Four bytes, different on every node. */
  readonly routerId: IpAddress;
  readonly sessions: readonly BgpSession[];
  /** It passes on to every peer what it has learned from others. */
  readonly reflector: boolean;
  /** Those that the kernel knows. */
  readonly families: readonly IpFamily[];
  readonly logFile: string;
  /** Of the routes that it writes. */
  readonly metric: number;
}

/** Of the log and of the one before it, in bytes. */
const LOG_BYTES = 1_048_576;
/**
 * A BIRD that starts anew waits so long, in seconds, for its peers to tell their routes again before it tells its own, if
 * some of them do not come back. Peers keep our routes for 120 s.
 */
const RECOVERY_SECONDS = 10;
/** Between two looks at the kernel's routes and links, in seconds; changes are told at once, deletions of ours are not. */
const SCAN_SECONDS = 10;

/**
 * The configuration of BIRD 2 that makes this node speak BGP as it should. The same input gives the same text, whatever
 * its order. It holds passwords.
 */
export function birdConfig(input: BirdInput): string {
  const families = [...input.families].sort();
  const sessions = input.sessions.filter(({ family }) => families.includes(family));
  return `# Written by corduroy from its records: changes made here are lost.
log "${input.logFile}" ${LOG_BYTES} "${input.logFile}.1" { info, remote, warning, error, auth, fatal, bug };
timeformat protocol "%s";
router id ${input.routerId};
graceful restart wait ${RECOVERY_SECONDS};

protocol device {
  scan time ${SCAN_SECONDS};
}
# Without the host's own networks no next hop could be found, and routes would lead nowhere.
protocol direct {
${families.map((family) => `  ipv${family};\n`).join('')}  interface -"cord*", "*";
}
${families.map((family) => familyText(family, input)).join('')}${sessions.some(({ bfd }) => bfd) ? '\nprotocol bfd {\n}\n' : ''}
${sessions.map((session) => sessionText(session, input.reflector)).join('')}`;
}

const familyText = (family: IpFamily, { metric, ...addresses }: BirdInput): string => `${birdFilters(family, addresses)}
protocol kernel kernel${family} {
  learn;
  persist;
  graceful restart;
  merge paths on;
  metric ${metric};
  scan time ${SCAN_SECONDS};
  ipv${family} {
    import filter from_kernel${family};
    export filter to_kernel${family};
  };
}
template bgp any${family} {
  multihop;
  hold time 30;
  keepalive time 10;
  connect delay time 1;
  connect retry time 3;
  error wait time 1, 30;
  error forget time 60;
  graceful restart on;
}
`;

/**
 * `cluster_10_99_0_12`, `node_fd99__1`: what BIRD calls the session. The same while a session lasts: with another name it
 * would be another session.
 */
export const sessionName = (session: Pick<BgpSession, 'type' | 'remote'>): string =>
  `${isBetweenNodes(session) ? 'cluster' : session.type}_${session.remote.address.replace(/[.:]/g, '_')}`;

function sessionText(session: BgpSession, reflector: boolean): string {
  const { family, local, remote, clusterId, password, passive, bfd, ttlSecurity } = session;
  // BFD differs by it: RFC 5881 for a neighbour, RFC 5883 over several hops, and the two do not understand each other
  const isNeighbour = ttlSecurity === 1 || (bfd && ttlSecurity === undefined);
  const lines = [
    `local ${local.address} as ${local.asNumber};`,
    `neighbor ${remote.address} as ${remote.asNumber};`,
    // Between reflectors, too: only of a client does BIRD refuse what its own cluster has passed on already.
    ...(clusterId === undefined ? [] : ['rr client;', `rr cluster id ${clusterId};`]),
    ...(password === undefined ? [] : [`password "${password}";`]),
    ...(passive ? ['passive on;'] : []),
    ...(bfd ? ['bfd on;'] : []),
    ...(isNeighbour ? ['direct;'] : ttlSecurity === undefined ? [] : [`multihop ${ttlSecurity};`]),
    ...(ttlSecurity === undefined ? [] : ['ttl security on;']),
    `ipv${family} {`,
    ...(isNeighbour ? ['  gateway recursive;'] : []),
    `  import filter from_bgp${family};`,
    `  export filter ${exportFilter(session, reflector)}${family};`,
    '};',
  ];
  return `protocol bgp ${sessionName(session)} from any${family} {\n${lines.map((line) => `  ${line}\n`).join('')}}\n`;
}

/**
 * What this node tells a peer. A node tells other nodes, and peers that all nodes speak to, what it has itself: they hear
 * the rest from the others; nodes also what its own peers told. A peer of this node alone hears everything through it,
 * and so does everybody through a reflector.
 */
function exportFilter({ type }: BgpSession, reflector: boolean): string {
  if (reflector) return 'to_all';
  return type === 'node' ? 'to_border' : 'to_nodes';
}
