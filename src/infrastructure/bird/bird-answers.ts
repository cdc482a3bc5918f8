import type { DaemonSession } from '../../effects/routing-daemon.js';
import type { BirdLine } from './bird-control.js';

/** What begins a protocol's part of `show protocols all`. */
const PROTOCOL_LINE = 1002;
const DETAIL_LINE = 1006;

/** The BGP sessions in the answer to `show protocols all`, whose times are in seconds since 1970. */
export function sessionsOf(answer: readonly BirdLine[]): DaemonSession[] {
  const sessions: DaemonSession[] = [];
  let details: string[] = [];
  let session: Omit<DaemonSession, 'imported' | 'exported' | 'error'> | undefined;
  const finish = (): void => {
    if (session !== undefined) sessions.push({ ...session, ...detailsOf(details) });
    session = undefined;
    details = [];
  };
  for (const { code, text } of answer) {
    if (code === PROTOCOL_LINE) {
      finish();
      session = summaryOf(text);
    } else if (code === DETAIL_LINE) details.push(text);
  }
  finish();
  return sessions;
}

/** `mesh_10_99_0_12 BGP --- start 1795264351 Active Socket: Connection refused` */
function summaryOf(text: string): { name: string; state: string; since: Date | undefined } | undefined {
  const [name, kind, , protocolState, since, ...info] = text.trim().split(/\s+/);
  if (name === undefined || kind !== 'BGP') return undefined;
  const state = protocolState === 'down' ? 'down' : (info[0] ?? protocolState ?? 'down').toLowerCase();
  const seconds = Number(since);
  return { name, state, since: Number.isFinite(seconds) ? new Date(seconds * 1000) : undefined };
}

function detailsOf(lines: readonly string[]): { imported: number; exported: number; error: string | undefined } {
  const text = lines.join('\n');
  const routes = /Routes:\s+(\d+) imported,(?:\s+\d+ filtered,)?\s+(\d+) exported/.exec(text);
  const error = /Last error:\s+(.+)/.exec(text)?.[1];
  return { imported: Number(routes?.[1] ?? 0), exported: Number(routes?.[2] ?? 0), error: error?.trim() };
}

/** Of `0014 Total: 3 of 20 routes for ...`. */
export function countOf(answer: readonly BirdLine[]): number {
  const total = answer
    .map(({ text }) => /^(?:Total: )?(\d+) of \d+ routes/.exec(text)?.[1])
    .filter((n) => n !== undefined);
  return Number(total.at(-1) ?? 0);
}

/** BIRD's own words for why it did not do it; undefined: it did. */
export const refusalOf = (answer: readonly BirdLine[]): string | undefined =>
  answer.find(({ code }) => code >= 8000)?.text;
