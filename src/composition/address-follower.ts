import type { Logger } from '../effects/logger.js';
import type { IpAddress } from '../model/ip-address.js';
import type { Node } from '../model/node.js';
import { type Registration, registerNode } from './node-registration.js';

/** Between two looks at the host's addresses, or more where there are so many links that a look takes long. */
export const LOOK_MS = 1_000;
/** In multiples of the time that a look takes. */
const REST_RATIO = 500;

type Addresses = Pick<Node, 'ip' | 'ip6'>;

/** The host, to be looked at again and again. */
export interface LookedAt {
  /** Every address that the host has now. */
  present(): ReadonlySet<IpAddress>;
  /** What a start of the daemon would find now: settings, or by detection. */
  detect(): Promise<Addresses>;
}

/**
 * Registers the node anew when an address that it is known by is the host's no more, or it had none, and another is
 * found twice in a row: a lease that DHCP renews, or a network that comes up after the daemon. Other nodes follow.
 */
export async function followAddresses(
  own: Node,
  { host, log, ...registration }: Registration & { readonly host: LookedAt; readonly log: Logger },
): Promise<void> {
  const { clock, signal } = registration;
  let registered = own;
  let seen = '';
  let before: Addresses | undefined;
  let lookMs = 0;
  for (; !signal.aborted; await clock.sleep(Math.max(LOOK_MS, lookMs * REST_RATIO), signal)) {
    const begun = performance.now();
    const present = host.present();
    lookMs = performance.now() - begun;
    const looksAsBefore = seen === [...present].join();
    seen = [...present].join();
    if (looksAsBefore && before === undefined && !isLost(registered, present)) continue;
    const next = nextAddresses(registered, await host.detect().catch(() => ({})), present);
    const isSettled = next?.ip === before?.ip && next?.ip6 === before?.ip6;
    before = next;
    if (next === undefined || !isSettled) continue;
    registered = { ...registered, ...next };
    await registerNode(registered, registration);
    log.info({ ...next }, "the host's address changed, and the node's record with it");
    before = undefined;
  }
}

const isLost = ({ ip, ip6 }: Addresses, present: ReadonlySet<IpAddress>): boolean =>
  [ip, ip6].some((address) => address !== undefined && !present.has(address));

/** What the node should be known by, or undefined if that is what it is known by: an address that is there stays. */
export function nextAddresses(
  registered: Addresses,
  detected: Addresses,
  present: ReadonlySet<IpAddress>,
): Addresses | undefined {
  const next = (is: IpAddress | undefined, found: IpAddress | undefined) =>
    is !== undefined && present.has(is) ? is : (found ?? is);
  const [ip, ip6] = [next(registered.ip, detected.ip), next(registered.ip6, detected.ip6)];
  return ip === registered.ip && ip6 === registered.ip6 ? undefined : { ip, ip6 };
}
