import { z } from 'zod';
import type { CommandRunner } from '../../effects/command-runner.js';
import type { HostRoute, HostRoutes } from '../../effects/host-routes.js';
import { KernelError } from '../../model/errors.js';
import { HOST_INTERFACE_PREFIX } from '../../model/ids.js';
import { ROUTE_PROTOCOL } from '../../model/route.js';
import { destinationOf } from './ip-json.js';

/** RTPROT_BIRD of linux/rtnetlink.h: what BIRD has learned leads to our own blocks on other nodes. */
const BIRD_PROTOCOL = 12;
/** Both families are asked for at once, inside a call of Docker's. */
const TIMEOUT_MS = 1_000;

const routes = z.array(
  z.object({
    dst: z.string(),
    dev: z.string().optional(),
    gateway: z.string().optional(),
    protocol: z.string().optional(),
  }),
);

/** By the number of a route's protocol: it was written by us, or by BIRD, and leads to blocks. */
export const leadsToBlocks = (protocol: string | undefined): boolean =>
  protocol === String(ROUTE_PROTOCOL) || protocol === String(BIRD_PROTOCOL);

/** Routes of the main table, by iproute2. */
export class IpHostRoutes implements HostRoutes {
  readonly #runner: CommandRunner;

  constructor(runner: CommandRunner) {
    this.#runner = runner;
  }

  async list(): Promise<readonly HostRoute[]> {
    const [ipv4, ipv6] = await Promise.all([this.#list('-4'), this.#list('-6')]);
    return [...ipv4, ...ipv6];
  }

  async #list(family: '-4' | '-6'): Promise<readonly HostRoute[]> {
    const args = ['-N', '-j', family, 'route', 'show', 'table', 'main'];
    const { exitCode, stdout, stderr } = await this.#runner.run('ip', args, { timeoutMs: TIMEOUT_MS });
    if (exitCode !== 0)
      throw new KernelError(
        `the host's routes cannot be read with "ip ${args.join(' ')}"; see "corduroy check"`,
        stderr,
      );
    return parseHostRoutes(stdout);
  }
}

/** @param json what `ip -N -j route` prints: protocols are numbers, and the kernel's own (2) are the host's networks */
export function parseHostRoutes(json: string): readonly HostRoute[] {
  return read(json).flatMap(({ dst, dev, gateway, protocol }) => {
    const isOurLink = dev?.startsWith(HOST_INTERFACE_PREFIX) === true;
    // Link-local and multicast networks are on every link, and in no pool.
    if (dst === 'default' || leadsToBlocks(protocol) || isOurLink || /^(fe80:|ff)/.test(dst)) return [];
    const destination = destinationOf(dst);
    if (destination === undefined) throw notUnderstood(`a route to ${dst}`);
    const words = [gateway && `via ${gateway}`, dev].filter((word) => word !== undefined);
    const description = words.length === 0 ? 'which discards packets' : words.join(' ');
    return [{ destination, description }];
  });
}

function read(json: string): z.infer<typeof routes> {
  try {
    return json.trim() === '' ? [] : routes.parse(JSON.parse(json));
  } catch (cause) {
    throw notUnderstood(json.slice(0, 200), cause);
  }
}

const notUnderstood = (detail: string, cause?: unknown): KernelError =>
  new KernelError('the output of "ip route" is not understood; is it iproute2\'s? see "corduroy check"', detail, {
    cause,
  });
