import type { CommandRunner } from '../../effects/command-runner.js';
import type { Logger } from '../../effects/logger.js';
import type { NetworkStackChange } from '../../effects/network-stack.js';
import type { InterfaceName } from '../../model/ids.js';
import { familyOf } from '../../model/ip-address.js';
import { ROUTE_PROTOCOL } from '../../model/route.js';
import { followProgram } from './followed-program.js';
import { destinationOf } from './ip-json.js';

/** Follows `ip monitor` for ever: when it ended and was started again, the listener is told that it missed something. */
export const watchIpMonitor = (
  runner: CommandRunner,
  log: Logger,
  listener: (change: NetworkStackChange) => void,
): { close(): void } =>
  followProgram({
    ...{ runner, log },
    command: ['ip', '-o', 'monitor', 'link', 'route', 'address'],
    onLine: (line) => {
      const change = parseMonitorLine(line);
      if (change !== undefined) listener(change);
    },
    onRestart: () => listener({ kind: 'unknown' }),
  });

/** What a line of `ip -o monitor link route address` means to us, if anything. */
export function parseMonitorLine(line: string): NetworkStackChange | undefined {
  const link = /^(Deleted )?\d+: (cord[0-9a-f]{11})(?:@\S+)?: <([^>]*)>/.exec(line);
  if (link !== null) {
    const name = link[2] as InterfaceName;
    if (link[1] !== undefined) return { kind: 'linkRemoved', link: name };
    return { kind: link[3]?.split(',').includes('UP') ? 'linkUp' : 'linkDown', link: name };
  }
  const other =
    /^(?:Deleted )?\d+: (?!cord|ctmp|veth)(\S+?)(?:@\S+)?:? .*(?:<|scope global|inet [\d.]+\/32 scope link)/.exec(
      line,
    )?.[1];
  if (other !== undefined) return { kind: 'hostNetworks', link: other as InterfaceName };
  const route = new RegExp(`^Deleted (?:blackhole )?(\\S+) .*proto ${ROUTE_PROTOCOL}\\b`).exec(line);
  const destination = route?.[1] === undefined ? undefined : destinationOf(route[1]);
  const device = / dev (\S+)/.exec(line)?.[1] as InterfaceName | undefined;
  return destination && { kind: 'routeRemoved', family: familyOf(destination), destination, link: device };
}
