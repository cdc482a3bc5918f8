import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/** Within the time that systemd allows between two signs: one or two may come late. */
const SIGNS_PER_LIMIT = 3;
const NOTIFY = 'systemd-notify';
/** For each line that it reads a sign; it ends with who writes them, or when one is not taken. */
const NOTIFIER = `while read -r _; do ${NOTIFY} WATCHDOG=1 || exit; done`;
/** The shell's exit code for a program that is not installed. */
const NOT_FOUND = 127;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Tells systemd that this process lives for as long as its event loop turns, if the unit has a WatchdogSec: systemd
 * ends a daemon that gives no sign, and starts it anew, so that nobody waits for ever in the socket that it holds.
 *
 * By a program of systemd's, because Node.js has no datagram sockets of the unix kind, out of a shell that stays: a
 * process of the daemon's size stands still for some milliseconds whenever it starts another, tens in a large cluster.
 * It does not keep the process from its end.
 *
 * @param complain is told once if that program cannot be run or fails, since systemd will then end this process
 */
export function giveSignsOfLife(environment: Environment, complain: (sentence: string) => void): void {
  const intervalMs = signIntervalMs(environment, process.pid);
  if (intervalMs === undefined) return;
  let complained = false;
  const refuse = (why: string): void => {
    if (complained) return;
    complained = true;
    complain(
      `${NOTIFY} ${why}: systemd will take this daemon for one that hangs, and end it; see that ${NOTIFY} is installed and the unit has NotifyAccess=all, or take WatchdogSec out of it`,
    );
  };
  let notifier: Notifier | undefined;
  const giveSign = (): void => {
    notifier ??= startNotifier(environment, (why) => {
      notifier = undefined;
      refuse(why);
    });
    notifier.stdin.write('\n');
  };
  giveSign();
  setInterval(giveSign, intervalMs).unref();
}

type Notifier = ChildProcessByStdio<Writable, null, null>;

function startNotifier(environment: Environment, ended: (why: string) => void): Notifier {
  const notifier = spawn('sh', ['-c', NOTIFIER], { stdio: ['pipe', 'ignore', 'ignore'], env: environment });
  notifier.unref();
  (notifier.stdin as Socket).unref();
  notifier.on('error', ({ message }) => ended(`cannot be run (${message})`));
  notifier.on('exit', (code, signal) =>
    ended(code === NOT_FOUND ? 'cannot be run (it is not found)' : `failed (${signal ?? `exit code ${code}`})`),
  );
  // What is written to one that has ended: its end is told of above.
  notifier.stdin.on('error', () => {});
  return notifier;
}

/** ms between two signs; undefined: nobody waits for any of this process (sd_watchdog_enabled(3)). */
export function signIntervalMs(environment: Environment, pid: number): number | undefined {
  const limitUs = Number(environment['WATCHDOG_USEC']);
  const meantForUs = environment['WATCHDOG_PID'] === undefined || environment['WATCHDOG_PID'] === `${pid}`;
  return meantForUs && limitUs > 0 ? limitUs / 1_000 / SIGNS_PER_LIMIT : undefined;
}
