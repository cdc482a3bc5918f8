import type { Cidr } from '../src/model/cidr.js';
import type { PermanentNeighbour, Route } from '../src/model/route.js';

export interface RouteChanges {
  readonly put: readonly Route[];
  readonly remove: readonly Route[];
}

/** A destination has one route of ours: the same one elsewhere is replaced, not removed. */
export function diffRoutes(desired: Iterable<Route>, actual: Iterable<Route>): RouteChanges {
  const missing = new Map<Cidr, Route>();
  for (const route of desired) missing.set(route.destination, route);
  const wanted = new Map(missing);
  const remove: Route[] = [];
  for (const route of actual) {
    const replacement = wanted.get(route.destination);
    if (sameRoute(replacement, route)) missing.delete(route.destination);
    else if (!takesThePlaceOf(replacement, route)) remove.push(route);
  }
  return { put: [...missing.values()], remove };
}

/**
 * Putting the one leaves nothing of the other. Routes by a gateway have a metric of their own, so that the kernel changes
 * them in place; other kinds can stand side by side.
 */
const takesThePlaceOf = (next: Route | undefined, former: Route): boolean =>
  next?.kind === 'via' && former.kind === 'via';

/** Cheap: it is asked for each of tens of thousands. */
export function sameRoute(one: Route | undefined, other: Route | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  if (one.kind !== other.kind || one.destination !== other.destination) return false;
  if (one.kind === 'blackhole' || other.kind === 'blackhole') return true;
  if (one.interfaceName !== other.interfaceName) return false;
  if (one.kind !== 'via' || other.kind !== 'via') return true;
  return one.gateway === other.gateway && one.source === other.source;
}

/** Neighbours that are not as desired; others on our links are left: the kernel drops them with the link. */
export function missingNeighbours(
  desired: readonly PermanentNeighbour[],
  actual: readonly PermanentNeighbour[],
): readonly PermanentNeighbour[] {
  const present = new Set(actual.map(neighbourText));
  return desired.filter((neighbour) => !present.has(neighbourText(neighbour)));
}

const neighbourText = ({ address, mac, interfaceName }: PermanentNeighbour): string =>
  `${address} ${mac} ${interfaceName}`;
