import { readlinkSync } from 'node:fs';
import type { CommandRunner } from '../../effects/command-runner.js';
import type { Logger } from '../../effects/logger.js';
import type { PacketFilterBackend } from '../../effects/packet-filter.js';
import type { IpFamily } from '../../model/ip-address.js';
import { followProgram } from './followed-program.js';
import { watchLegacyTables } from './legacy-tables-watch.js';

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
  const { runner, backend, hooks, ourPids, log, listener } = options;
  if (backend === 'legacy') return watchLegacyTables(options);
  let closed = false;
  const isForeign = foreignGenerations(ourPids);
  let lastHooks: string | undefined;
  /** One look after the other, each compared with the one before. @returns whether they are as they were */
  const lookAtHooks = async (): Promise<boolean> => {
    const before = lastHooks;
    lastHooks = await hooks().catch(() => undefined);
    return before !== undefined && before === lastHooks;
  };
  let looking = lookAtHooks();
  const monitor = followProgram({
    ...{ runner, log },
    command: ['xtables-monitor', '--event'],
    onLine: (line) => {
      if (isForeign(line)) listener();
    },
    onRestart: () => {
      looking = looking.then(lookAtHooks);
      void looking.then((asBefore) => {
        if (!asBefore && !closed) listener();
      });
    },
  });
  return {
    close: () => {
      closed = true;
      monitor.close();
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
