import { NotFoundError } from '../../model/errors.js';

/** How many names a message lists before it stops. */
const MAX_NAMES = 10;

/** @param kind a command that has `list`: the message names it */
export function notFound(
  kind: 'pool' | 'network' | 'profile' | 'endpoint' | 'container' | 'node' | 'bgp peer',
  wanted: string,
  known: readonly string[],
): NotFoundError {
  const some = known.slice(0, MAX_NAMES).join(', ');
  const rest = known.length > MAX_NAMES ? ` and ${known.length - MAX_NAMES} more` : '';
  const there = known.length === 0 ? `there is no ${kind} at all` : `there are ${some}${rest}`;
  return new NotFoundError(`no ${kind} ${JSON.stringify(wanted)}: ${there}; see "corduroy ${kind} list"`);
}
