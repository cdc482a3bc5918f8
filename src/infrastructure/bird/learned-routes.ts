import { z } from 'zod';
import type { CommandRunner } from '../../effects/command-runner.js';
import { KernelError } from '../../model/errors.js';
import type { IpFamily } from '../../model/ip-address.js';
import { LEARNED_ROUTE_METRIC } from '../../model/route.js';

/** RTPROT_BIRD of linux/rtnetlink.h. Another BIRD on the host uses it too, and another metric. */
const BIRD_PROTOCOL = '12';

const routes = z.array(z.object({ metric: z.number().optional() }));

/** Whether the kernel holds routes that a BIRD of ours has written. */
export async function hasLearnedRoutes(runner: CommandRunner, families: readonly IpFamily[]): Promise<boolean> {
  for (const family of families) {
    const { stdout } = await ip(runner, ['-j', `-${family}`, 'route', 'show', 'table', 'main', 'proto', BIRD_PROTOCOL]);
    const found = routes.parse(JSON.parse(stdout.trim() === '' ? '[]' : stdout));
    if (found.some(({ metric }) => metric === LEARNED_ROUTE_METRIC)) return true;
  }
  return false;
}

export async function flushLearnedRoutes(runner: CommandRunner, families: readonly IpFamily[]): Promise<void> {
  for (const family of families) {
    const which = ['table', 'main', 'proto', BIRD_PROTOCOL, 'metric', `${LEARNED_ROUTE_METRIC}`];
    await ip(runner, [`-${family}`, 'route', 'flush', ...which]);
  }
}

async function ip(runner: CommandRunner, args: readonly string[]): Promise<{ readonly stdout: string }> {
  const result = await runner.run('ip', args);
  if (result.exitCode === 0) return result;
  throw new KernelError(`"ip ${args.join(' ')}" failed: ${result.stderr.trim()}; see "corduroy check"`, result.stderr);
}
