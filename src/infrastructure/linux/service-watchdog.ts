import { spawn } from 'node:child_process';

/** Within the time that systemd allows between two signs: one or two may come late. */
const SIGNS_PER_LIMIT = 3;
const NOTIFY = 'systemd-notify';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Tells systemd that this process lives for as long as its event loop turns, if the unit has a WatchdogSec: systemd
 * ends a daemon that gives no sign, and starts it anew, so that nobody waits for ever in the socket that it holds.
 *
 * By a program of systemd's, because Node.js has no datagram sockets of the unix kind. It keeps the process from nothing.
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
  const giveSign = (): void => {
    const notifier = spawn(NOTIFY, ['WATCHDOG=1'], { stdio: 'ignore' });
    notifier.unref();
    notifier.on('error', ({ message }) => refuse(`cannot be run (${message})`));
    notifier.on('exit', (code, signal) => {
      if (code !== 0) refuse(`failed (${signal ?? `exit code ${code}`})`);
    });
  };
  giveSign();
  setInterval(giveSign, intervalMs).unref();
}

/** ms between two signs; undefined: nobody waits for any of this process (sd_watchdog_enabled(3)). */
export function signIntervalMs(environment: Environment, pid: number): number | undefined {
  const limitUs = Number(environment['WATCHDOG_USEC']);
  const meantForUs = environment['WATCHDOG_PID'] === undefined || environment['WATCHDOG_PID'] === `${pid}`;
  return meantForUs && limitUs > 0 ? limitUs / 1_000 / SIGNS_PER_LIMIT : undefined;
}
