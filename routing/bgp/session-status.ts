import type { BgpSessionStatus } from '../../src/effects/bgp-status.js';
import type { DaemonSession } from '../../src/effects/routing-daemon.js';
import type { BgpSession } from './bgp-sessions.js';
import { sessionName } from './bird-config.js';

/** Of every session that should be, what the routing daemon told of it, if anything. */
export function statusesOf(
  sessions: readonly BgpSession[],
  told: readonly DaemonSession[],
): readonly BgpSessionStatus[] {
  const byName = new Map(told.map((session) => [session.name, session]));
  return sessions.map((session) => statusOf(session, byName.get(sessionName(session))));
}

function statusOf(session: BgpSession, told: DaemonSession | undefined): BgpSessionStatus {
  const { peer, type, remote } = session;
  const established = told?.state === 'established';
  return {
    peer,
    address: remote.address,
    asNumber: remote.asNumber,
    type,
    state: told?.state ?? 'down',
    since: told?.since,
    imported: told?.imported ?? 0,
    exported: told?.exported ?? 0,
    error: established ? undefined : told?.error,
  };
}

export const unreachableProblem = (routes: number): string =>
  `${routes} of the routes that peers tell lead nowhere: this host has no route to their next hop; give it one, a default route perhaps`;
