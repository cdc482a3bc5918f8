import type { PermanentNeighbour, Route } from '../src/model/route.js';

export interface RouteChanges {
  readonly put: readonly Route[];
  readonly remove: readonly Route[];
}

/** A destination has one route of ours: the same one elsewhere is replaced, not removed. */
export function diffRoutes(desired: readonly Route[], actual: readonly Route[]): RouteChanges {
  const wanted = new Map(desired.map((route) => [keyOf(route), route]));
  const present = new Set(actual.map(textOf));
  return {
    put: [...wanted.values()].filter((route) => !present.has(textOf(route))),
    // Replacing changes the route in place where the kinds agree; a blackhole and a link route can stand side by side.
    remove: actual.filter((route) => {
      const replacement = wanted.get(keyOf(route));
      return replacement === undefined || textOf(replacement) !== textOf(route);
    }),
  };
}

/** Neighbours that are not as desired; others on our links are left: the kernel drops them with the link. */
export function missingNeighbours(
  desired: readonly PermanentNeighbour[],
  actual: readonly PermanentNeighbour[],
): readonly PermanentNeighbour[] {
  const present = new Set(actual.map(neighbourText));
  return desired.filter((neighbour) => !present.has(neighbourText(neighbour)));
}

const keyOf = (route: Route): string => route.destination;
const textOf = (route: Route): string =>
  `${route.kind} ${route.destination} ${route.kind === 'link' ? route.interfaceName : ''}`;
const neighbourText = ({ address, mac, interfaceName }: PermanentNeighbour): string =>
  `${address} ${mac} ${interfaceName}`;
