import type { Sysctl } from '../src/effects/sysctls.js';
import type { InterfaceName } from '../src/model/ids.js';

/**
 * What every link of ours has alike under /proc/sys before the first packet passes: packets are routed by it, and who
 * is behind it changes nothing of the host.
 *
 * @param reversePath RFC 3704: a source is accepted if its route leads back by this link, or if there is any route to it
 * @param ipv6 the kernel has IPv6: without it there are no IPv6 settings to write
 */
export function linkSettings(
  link: InterfaceName,
  { reversePath, ipv6 }: { readonly reversePath: 'strict' | 'loose'; readonly ipv6: boolean },
): readonly Sysctl[] {
  const [conf, conf6] = [`net/ipv4/conf/${link}`, `net/ipv6/conf/${link}`];
  return [
    { path: `${conf}/rp_filter`, value: reversePath === 'strict' ? '1' : '2' },
    { path: `${conf}/forwarding`, value: '1' },
    // A packet that leaves by the link it came in by is normal here (a container talking to itself by a published port).
    { path: `${conf}/send_redirects`, value: '0' },
    { path: `${conf}/accept_redirects`, value: '0' },
    ...(ipv6
      ? [
          { path: `${conf6}/disable_ipv6`, value: '0' },
          // The link-local address must answer at once, not after a second of duplicate address detection.
          { path: `${conf6}/accept_dad`, value: '0' },
          // A router advertisement would change the host's routes.
          { path: `${conf6}/accept_ra`, value: '0' },
          { path: `${conf6}/accept_redirects`, value: '0' },
          { path: `${conf6}/forwarding`, value: '1' },
        ]
      : []),
  ];
}

/**
 * Which link-local address the link gets when it comes up: with '0' the one that follows from its MAC address, which others
 * have as their next hop. To be read here and changed by `setEui64`: who writes it under /proc does not wait for the
 * kernel's lock on links, but burns time until it is free.
 */
export const addressModeOf = (link: InterfaceName): Sysctl => ({
  path: `net/ipv6/conf/${link}/addr_gen_mode`,
  value: '0',
});
