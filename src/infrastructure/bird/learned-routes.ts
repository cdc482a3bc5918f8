import { z } from 'zod';
import type { CommandRunner } from '../../effects/command-runner.js';
import { KernelError } from '../../model/errors.js';
import type { IpFamily } from '../../model/ip-address.js';
import { LEARNED_ROUTE_METRICS } from '../../model/route.js';

/** RTPROT_BIRD of linux/rtnetlink.h. Another BIRD on the host uses it too, and other metrics. */
const BIRD_PROTOCOL = '12';

const routes = z.array(z.object({ dst: z.string(), metric: z.number().optional() }));

/** A route in the main table that a BIRD of ours has written. */
export interface LearnedRoute {
  readonly family: IpFamily;
  /** As iproute2 writes it: an address, or a network. */
  readonly destination: string;
  readonly metric: number;
}

export async function learnedRoutes(runner: CommandRunner, families: readonly IpFamily[]): Promise<LearnedRoute[]> {
  const lists = families.map(async (family) => {
    const { stdout } = await ip(runner, ['-j', `-${family}`, 'route', 'show', 'table', 'main', 'proto', BIRD_PROTOCOL]);
    return routes.parse(JSON.parse(stdout.trim() === '' ? '[]' : stdout)).flatMap(({ dst: destination, metric }) => {
      const isOurs = metric !== undefined && LEARNED_ROUTE_METRICS.includes(metric);
      return isOurs ? [{ family, destination, metric }] : [];
    });
  });
  return (await Promise.all(lists)).flat();
}

/** What is gone already is as it should be. */
export async function removeLearnedRoutes(runner: CommandRunner, doomed: readonly LearnedRoute[]): Promise<void> {
  for (const wanted of [4, 6] as const) {
    const lines = doomed
      .filter(({ family }) => family === wanted)
      .map(
        ({ destination, metric }) => `route del ${destination} table main proto ${BIRD_PROTOCOL} metric ${metric}\n`,
      );
    if (lines.length > 0) await runner.run('ip', [`-${wanted}`, '-force', '-batch', '-'], { input: lines.join('') });
  }
}

async function ip(runner: CommandRunner, args: readonly string[]): Promise<{ readonly stdout: string }> {
  const result = await runner.run('ip', args);
  if (result.exitCode === 0) return result;
  throw new KernelError(`"ip ${args.join(' ')}" failed: ${result.stderr.trim()}; see "corduroy check"`, result.stderr);
}
