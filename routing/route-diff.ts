import type { PermanentNeighbour, Route } from '../src/model/route.js';

export interface RouteChanges {
  readonly put: readonly Route[];
  readonly remove: readonly Route[];
}

/** A destination has one route of ours: the same one elsewhere is replaced, not removed. */
export function diffRoutes(desired: Iterable<Route>, actual: Iterable<Route>): RouteChanges {
  const wanted = new Map<string, Route>();
  for (const route of desired) wanted.set(route.destination, route);
  const present = new Set<string>();
  const remove: Route[] = [];
  for (const route of actual) {
    present.add(textOf(route));
    const replacement = wanted.get(route.destination);
    if (replacement === undefined || !takesThePlaceOf(replacement, route)) remove.push(route);
  }
  return { put: [...wanted.values()].filter((route) => !present.has(textOf(route))), remove };
}

/**
 * Putting the one leaves nothing of the other. Routes by a gateway have a metric of their own, so that the kernel changes
 * them in place; other kinds can stand side by side.
 */
const takesThePlaceOf = (next: Route, former: Route): boolean =>
  textOf(next) === textOf(former) || (next.kind === 'via' && former.kind === 'via');

export const sameRoute = (one: Route | undefined, other: Route | undefined): boolean =>
  one === undefined || other === undefined ? one === other : textOf(one) === textOf(other);

/** Neighbours that are not as desired; others on our links are left: the kernel drops them with the link. */
export function missingNeighbours(
  desired: readonly PermanentNeighbour[],
  actual: readonly PermanentNeighbour[],
): readonly PermanentNeighbour[] {
  const present = new Set(actual.map(neighbourText));
  return desired.filter((neighbour) => !present.has(neighbourText(neighbour)));
}

const textOf = (route: Route): string => {
  const where = route.kind === 'blackhole' ? '' : route.interfaceName;
  return `${route.kind} ${route.destination} ${where} ${route.kind === 'via' ? route.gateway : ''}`;
};
const neighbourText = ({ address, mac, interfaceName }: PermanentNeighbour): string =>
  `${address} ${mac} ${interfaceName}`;
