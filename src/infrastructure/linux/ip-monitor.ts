import { createInterface } from 'node:readline';
import type { CommandRunner, RunningCommand } from '../../effects/command-runner.js';
import type { Logger } from '../../effects/logger.js';
import type { NetworkStackChange } from '../../effects/network-stack.js';
import type { InterfaceName } from '../../model/ids.js';
import { familyOf } from '../../model/ip-address.js';
import { ROUTE_PROTOCOL } from '../../model/route.js';
import { destinationOf } from './ip-json.js';

const RESTART_MS = 1_000;

/** Follows `ip monitor` for ever: when it ends it is started again, and the listener is told that it missed something. */
export function watchIpMonitor(
  runner: CommandRunner,
  log: Logger,
  listener: (change: NetworkStackChange) => void,
): { close(): void } {
  let closed = false;
  let running: RunningCommand | undefined;
  let timer: NodeJS.Timeout | undefined;
  const start = () => {
    running = runner.start('stdbuf', ['-oL', 'ip', '-o', 'monitor', 'link', 'route', 'address']);
    createInterface({ input: running.stdout }).on('line', (line) => {
      const change = parseMonitorLine(line);
      if (change !== undefined && !closed) listener(change);
    });
    running.stderr.resume();
    void running.ended.then((how) => {
      if (closed) return;
      log.warn({ how }, 'ip monitor ended; it is started again');
      timer = setTimeout(() => {
        start();
        listener({ kind: 'unknown' });
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

/** What a line of `ip -o monitor link route address` means to us, if anything. */
export function parseMonitorLine(line: string): NetworkStackChange | undefined {
  const link = /^(Deleted )?\d+: (cord[0-9a-f]{11})(?:@\S+)?: <([^>]*)>/.exec(line);
  if (link !== null) {
    const name = link[2] as InterfaceName;
    if (link[1] !== undefined) return { kind: 'linkRemoved', link: name };
    return { kind: link[3]?.split(',').includes('UP') ? 'linkUp' : 'linkDown', link: name };
  }
  if (/^(Deleted )?\d+: (?!cord|ctmp|veth)\S+ .*(<|scope global)/.test(line)) return { kind: 'hostNetworks' };
  const route = new RegExp(`^Deleted (?:blackhole )?(\\S+) .*proto ${ROUTE_PROTOCOL}\\b`).exec(line);
  const destination = route?.[1] === undefined ? undefined : destinationOf(route[1]);
  const device = / dev (\S+)/.exec(line)?.[1] as InterfaceName | undefined;
  return destination && { kind: 'routeRemoved', family: familyOf(destination), destination, link: device };
}
