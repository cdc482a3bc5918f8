import type { Kernel } from '../src/effects/kernel.js';
import type { TextFile } from '../src/effects/text-file.js';
import type { FirewallState } from '../src/model/chain.js';
import type { IpFamily } from '../src/model/ip-address.js';
import { FirewallProgrammer } from './firewall-programmer.js';
import { HostForwarding } from './host-forwarding.js';
import { isOurLink, isOurRoute } from './ownership.js';

/**
 * Takes all that is ours out of the kernel and puts the host's own settings back; nothing else is touched. Containers
 * lose their links. The daemon must not be running. May be repeated.
 */
export async function uninstallDataplane(kernel: Kernel, formerHostSettings: TextFile): Promise<void> {
  // Links first: a container without link needs no policy, one without policy must have no link.
  const links = (await kernel.network.links()).filter(isOurLink);
  await kernel.network.retire(links.map(({ name }) => name));
  await kernel.network.retired();
  const routes = (await kernel.network.ourRoutes()).filter(isOurRoute);
  await kernel.network.apply(routes.map((route) => ({ kind: 'removeRoute', route })));
  await new FirewallProgrammer(kernel, [4, 6]).synchronise(nothing);
  await new HostForwarding(kernel.sysctls, formerHostSettings).restore();
}

const nothing = (family: IpFamily): FirewallState => ({ family, hooks: [], chains: new Map(), sets: new Map() });
