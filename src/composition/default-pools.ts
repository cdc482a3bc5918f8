import type { Ipam } from '../../ipam-driver/ipam.js';
import type { CorduroyConfig } from '../config/corduroy-config.js';
import type { Clock } from '../effects/clock.js';
import type { Logger } from '../effects/logger.js';

const RETRY_MS = 1_000;

export interface DefaultPools {
  readonly ipam: Pick<Ipam, 'ensureDefaultPools'>;
  readonly config: Pick<CorduroyConfig, 'defaultPoolIpv4' | 'defaultPoolIpv6'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** False: they could not be made, which is logged. */
export async function tryDefaultPools({ ipam, config, log }: DefaultPools): Promise<boolean> {
  const defaults = [config.defaultPoolIpv4, config.defaultPoolIpv6].filter((cidr) => cidr !== undefined);
  try {
    await ipam.ensureDefaultPools(defaults);
    return true;
  } catch (error) {
    log.warn({ error }, 'the default pools could not be made; it is tried again');
    return false;
  }
}

/** Until they are made. @param tried the first try, which may be under way */
export async function insistOnDefaultPools(
  pools: DefaultPools,
  { tried, signal }: { readonly tried: Promise<boolean>; readonly signal: AbortSignal },
): Promise<void> {
  let made = await tried;
  while (!made && !signal.aborted) {
    await pools.clock.sleep(RETRY_MS, signal);
    made = await tryDefaultPools(pools);
  }
}
