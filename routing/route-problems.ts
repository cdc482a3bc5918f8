import type { RouteProblem } from '../src/effects/dataplane-status.js';
import type { Cidr } from '../src/model/cidr.js';
import type { NodeName } from '../src/model/ids.js';
import { familyOf } from '../src/model/ip-address.js';
import type { DirectPath } from './peer-paths.js';

/** Nodes whose problems are told one by one; of more than these only the number. */
const MOST_TOLD = 20;

/** A node that holds addresses which this one has no route to. */
export interface Unreachable {
  readonly node: NodeName;
  readonly path: DirectPath;
  /** One of them, and how many there are. */
  readonly first: Cidr;
  readonly count: number;
  /** Name of the pool that the first is in. */
  readonly pool: string | undefined;
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
  switch (path.kind) {
    case 'noAddress': {
      const family = familyOf(first);
      return `${what}: it has no IPv${family} address in its record; start its daemon with nodeIp${family === 6 ? '6' : ''} set`;
    }
    case 'ownAddress':
      return `${what}: it says that its address is ${path.gateway}, which is this host's own; start its daemon with nodeIp and nodeIp6 set to addresses of its own`;
    default: {
      const name = pool ?? 'NAME';
      return `${what}: a router stands between this host and its address; encapsulate what crosses it ("corduroy pool set ${name} --encap vxlan --cross-subnet"), or let the router learn the routes (routeDistribution bgp)`;
    }
  }
}
