import { createInterface } from 'node:readline';
import type { CommandRunner, RunningCommand } from '../../effects/command-runner.js';
import type { Logger } from '../../effects/logger.js';
import type { PacketFilterBackend } from '../../effects/packet-filter.js';

const RESTART_MS = 1_000;
/** How often legacy tables, which tell nobody of their changes, are looked at. */
const POLL_MS = 2_000;

/**
 * Calls the listener soon after others changed the packet filter. `ourPids`: the processes whose changes are ours.
 * With the legacy tables it calls every 2 s, changed or not.
 */
export function watchPacketFilter(options: {
  readonly runner: CommandRunner;
  readonly backend: PacketFilterBackend;
  readonly ourPids: () => readonly number[];
  readonly log: Logger;
  readonly listener: () => void;
}): { close(): void } {
  const { runner, backend, ourPids, log, listener } = options;
  if (backend === 'legacy') {
    const timer = setInterval(listener, POLL_MS);
    timer.unref();
    return { close: () => clearInterval(timer) };
  }
  let closed = false;
  let running: RunningCommand | undefined;
  let timer: NodeJS.Timeout | undefined;
  const start = () => {
    running = runner.start('stdbuf', ['-oL', 'xtables-monitor', '--event']);
    createInterface({ input: running.stdout }).on('line', (line) => {
      const pid = /^NEWGEN: GENID=\d+ PID=(\d+)/.exec(line)?.[1];
      if (pid !== undefined && !closed && !ourPids().includes(Number(pid))) listener();
    });
    running.stderr.resume();
    void running.ended.then((how) => {
      if (closed) return;
      log.warn({ how }, 'xtables-monitor ended; it is started again');
      timer = setTimeout(() => {
        start();
        listener();
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
