import { readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { CommandRunner, RunningCommand } from '../../effects/command-runner.js';
import type { Logger } from '../../effects/logger.js';
import type { PacketFilterBackend } from '../../effects/packet-filter.js';
import type { IpFamily } from '../../model/ip-address.js';
import { watchLegacyTables } from './legacy-tables-watch.js';

const RESTART_MS = 1_000;

/** The number of the machine's first PID namespace, which is the same in every kernel (PROC_PID_INIT_INO). */
const FIRST_PID_NAMESPACE = 'pid:[4026531836]';

/**
 * Calls the listener soon after others changed the packet filter. `ourPids`: the processes whose changes are ours.
 * Changes of ours in the legacy tables are told like others'.
 *
 * xtables-monitor ends when it cannot follow, which happens when we ourselves change much. What it missed in the
 * kernel's own chains is looked for at once; the rest is left to the resync on the timer, which is soon enough.
 */
export function watchPacketFilter(options: {
  readonly runner: CommandRunner;
  readonly backend: PacketFilterBackend;
  readonly families: readonly IpFamily[];
  /** The rules in those of the kernel's own chains that ours hang on. */
  readonly hooks: () => Promise<string>;
  readonly ourPids: () => readonly number[];
  readonly log: Logger;
  readonly listener: () => void;
}): { close(): void } {
  const { runner, backend, ourPids, log, listener } = options;
  if (backend === 'legacy') return watchLegacyTables(options);
  let closed = false;
  let running: RunningCommand | undefined;
  let timer: NodeJS.Timeout | undefined;
  const hooksBefore = options.hooks().catch(() => undefined);
  const areHooksAsBefore = async () => {
    const before = await hooksBefore;
    return before !== undefined && before === (await options.hooks().catch(() => undefined));
  };
  const start = () => {
    running = runner.start('stdbuf', ['-oL', 'xtables-monitor', '--event']);
    const isForeign = foreignGenerations(ourPids);
    createInterface({ input: running.stdout }).on('line', (line) => {
      if (isForeign(line) && !closed) listener();
    });
    running.stderr.resume();
    void running.ended.then((how) => {
      if (closed) return;
      log.warn({ how }, 'xtables-monitor ended; it is started again');
      timer = setTimeout(async () => {
        start();
        if (!(await areHooksAsBefore()) && !closed) listener();
      }, RESTART_MS);
    });
  };
  start();
  return {
    close: () => {
      closed = true;
      clearTimeout(timer);
      running?.kill();
    },
  };
}

/**
 * A reader of xtables-monitor's lines that tells at the end of each transaction whether somebody else made it.
 *
 * The kernel names the writer by its pid in the machine's first PID namespace. In another one (a managed plugin) nobody
 * can tell that pid: a transaction of iptables-restore that touches no chain but ours is taken as ours there, and the
 * resync on the timer has the last word.
 */
export function foreignGenerations(
  ourPids: () => readonly number[],
  inFirstNamespace = isInFirstPidNamespace(),
): (line: string) => boolean {
  let onlyOurChains = true;
  return (line) => {
    const writer = /^NEWGEN: GENID=\d+ PID=(\d+)(?: NAME=(\S+))?/.exec(line);
    if (writer === null) {
      if (line.startsWith(' EVENT:')) onlyOurChains &&= /^ EVENT: -[46] -t \S+ -[A-Z] cord-/.test(line);
      return false;
    }
    const looksOurs = onlyOurChains && /^ip6?tables-nft-r/.test(writer[2] ?? '');
    onlyOurChains = true;
    return !ourPids().includes(Number(writer[1])) && (inFirstNamespace || !looksOurs);
  };
}

function isInFirstPidNamespace(): boolean {
  try {
    return readlinkSync('/proc/self/ns/pid') === FIRST_PID_NAMESPACE;
  } catch {
    return true;
  }
}
