import { readFileSync } from 'node:fs';
import type { Clock } from '../../effects/clock.js';

/** Ethernet's, for a host without a default route. */
const USUAL_MTU = 1500;
/** Of the lines of /proc/net/route: RTF_UP. */
const ROUTE_UP = 0x1;

/** How long an answer serves, in ms: many containers that start at once ask once. */
const SERVES_MS = 1_000;

/** `uplinkMtu`, asked at most once a second. */
export function uplinkMtuOfLate(clock: Clock): () => number {
  let last: { readonly mtu: number; readonly atMs: number } | undefined;
  return () => {
    const nowMs = clock.now().getTime();
    if (last === undefined || Math.abs(nowMs - last.atMs) > SERVES_MS) last = { mtu: uplinkMtu(), atMs: nowMs };
    return last.mtu;
  };
}

/** The smallest MTU in bytes of the interfaces that IPv4 default routes leave by, as they are now. */
export function uplinkMtu(procNet = '/proc/self/net', sysNet = '/sys/class/net'): number {
  const names = defaultInterfaces(readText(`${procNet}/route`));
  const mtus = names.map((name) => Number(readText(`${sysNet}/${name}/mtu`))).filter((mtu) => mtu > 0);
  return mtus.length === 0 ? USUAL_MTU : Math.min(...mtus);
}

function defaultInterfaces(routeTable: string): readonly string[] {
  const rows = routeTable.split('\n').slice(1);
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(
      ([, destination, , flags, , , , mask]) =>
        destination === '00000000' && mask === '00000000' && (Number.parseInt(flags ?? '0', 16) & ROUTE_UP) !== 0,
    )
    .flatMap(([name]) => (name === undefined ? [] : [name]));
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
