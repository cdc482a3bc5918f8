import { hashOf } from '../policy/restore-text.js';
import type { InterfaceName } from '../src/model/ids.js';
import type { Link } from '../src/model/link.js';
import type { Route } from '../src/model/route.js';
import type { SavedRule } from './saved-tables.js';

// What bears our mark is ours; everything else on the host is left as it is (design: names that others see).

export const isOurHostEnd = (name: string): name is InterfaceName => /^cord[0-9a-f]{11}$/.test(name);
export const isOurContainerEnd = (name: string): name is InterfaceName => /^ctmp[0-9a-f]{11}$/.test(name);
export const isOurLink = ({ name }: Pick<Link, 'name'>): boolean => isOurHostEnd(name) || isOurContainerEnd(name);

export const isOurChain = (name: string): boolean => name.startsWith('cord-');

/** A rule in one of the kernel's own chains is ours if it goes to a chain of ours or bears our hash. */
export const isOurHookRule = (rule: SavedRule): boolean =>
  /(^| )-[jg] cord-/.test(rule.text) || hashOf(rule.text) !== undefined;

/** Of the routes with our protocol number: others who chose the same number lead theirs elsewhere. */
export const isOurRoute = (route: Route): boolean =>
  isHostRoute(route) || (route.kind === 'link' && isOurHostEnd(route.interfaceName));

/** One that belongs to no endpoint. */
export const isHostRoute = (route: Route): boolean => route.kind !== 'link' || isContainerGatewayRoute(route);

/** See `gatewayRoute`. */
const isContainerGatewayRoute = (route: Route): boolean =>
  route.kind === 'link' && route.interfaceName === 'lo' && /^169\.254\.\d+\.\d+\/32$/.test(route.destination);
