import type { RouteProblem } from '../src/effects/dataplane-status.js';
import { assertNever } from '../src/model/assert-never.js';
import type { Cidr } from '../src/model/cidr.js';
import type { NodeName } from '../src/model/ids.js';
import type { Path } from './peer-paths.js';

/** Nodes whose problems are told one by one; of more than these only the number. */
const MOST_TOLD = 20;

/** A node that holds addresses which this one has no route to. */
export interface Unreachable {
  readonly node: NodeName;
  readonly path: Exclude<Path, { kind: 'via' }>;
  /** One of them, and how many there are. */
  readonly first: Cidr;
  readonly count: number;
  /** Name of the pool that the first is in. */
  readonly pool: string;
}

/** One sentence for each node: what cannot be reached, why, and what to do. */
export function routeProblems(all: Iterable<Unreachable>): readonly RouteProblem[] {
  const problems: RouteProblem[] = [];
  let untold = 0;
  for (const one of all) {
    if (problems.length < MOST_TOLD) problems.push({ subject: one.node, message: sentence(one) });
    else untold++;
  }
  if (untold === 0) return problems;
  return [...problems, { subject: 'other nodes', message: `there is no route to ${untold} nodes more, either` }];
}

function sentence({ node, path, first, count, pool }: Unreachable): string {
  const what = `there is no route to ${first}${count > 1 ? ` and ${count - 1} more` : ''} of node ${node}`;
  return `${what}: ${reason(path, pool)}`;
}

function reason(path: Unreachable['path'], pool: string): string {
  switch (path.kind) {
    case 'noAddress':
      return `it has no IPv${path.family} address in its record; start its daemon with nodeIp${path.family === 6 ? '6' : ''} set`;
    case 'ownAddress':
      return `it says that its address is ${path.address}, which is this host's own; start its daemon with nodeIp and nodeIp6 set to addresses of its own`;
    case 'offLink':
      return `a router stands between this host and its address; encapsulate what crosses it ("corduroy pool set ${pool} --encap vxlan --cross-subnet"), or let the router learn the routes (routeDistribution bgp)`;
    case 'notHere':
      return `tunnels begin at this node's address ${path.address}, which none of this host's links has; start this daemon with nodeIp or nodeIp6 set to one that it has`;
    case 'noCommonFamily':
      return 'tunnels need an address of one family on both nodes, IPv4 for IPIP; start the daemons with nodeIp, or nodeIp6, set on both';
    case 'noIpv6InIpip':
      return `IPIP carries no IPv6; use VXLAN ("corduroy pool set ${pool} --encap vxlan")`;
    default:
      return assertNever(path);
  }
}
