import { setTimeout as sleep } from 'node:timers/promises';
import type { Kernel } from '../src/effects/kernel.js';
import type { TextFile } from '../src/effects/text-file.js';
import type { FirewallState } from '../src/model/chain.js';
import { KernelError } from '../src/model/errors.js';
import type { IpFamily } from '../src/model/ip-address.js';
import { FirewallProgrammer } from './firewall-programmer.js';
import { HostForwarding } from './host-forwarding.js';
import { isOurLink, isOurRoute } from './ownership.js';

/** Sets are let go of some 20 ms after the last rule that named them. */
const SWEEP_ATTEMPTS = 20;
const SWEEP_PAUSE_MS = 20;

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
  const tunnels = (await kernel.network.tunnels()).map(({ name }) => ({ kind: 'removeTunnel', link: name }) as const);
  await kernel.network.apply(tunnels);
  const programmer = new FirewallProgrammer(kernel, kernel.families);
  await programmer.synchronise(nothing);
  await sweepAll(programmer);
  await new HostForwarding(kernel.sysctls, formerHostSettings).restore();
}

/** @throws KernelError if the kernel does not let go of a set: somebody else's rule names it */
async function sweepAll(programmer: FirewallProgrammer): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await programmer.sweepSets();
    if (programmer.retiredSets === 0) return;
    if (attempt === SWEEP_ATTEMPTS) {
      throw new KernelError(
        `${programmer.retiredSets} IP sets could not be removed: rules that are not ours use them; remove those rules ("iptables-save | grep cord" shows them) and try again`,
        '',
      );
    }
    await sleep(SWEEP_PAUSE_MS);
  }
}

const nothing = (family: IpFamily): FirewallState => ({ family, hooks: [], chains: new Map(), sets: new Map() });
