import type { CorduroyConfig } from '../config/corduroy-config.js';
import { ExecaCommandRunner } from '../infrastructure/linux/execa-command-runner.js';
import { readHostFacts } from '../infrastructure/linux/host-facts.js';
import { checkHost, type Finding } from '../server/check/host-check.js';

/** The host held against these settings, without a daemon: pools are those that its first start would make. */
export async function checkThisHost(
  config: CorduroyConfig,
  options: { readonly starting: boolean; readonly socketIsHeld?: boolean },
): Promise<readonly Finding[]> {
  const { mtu, iptablesBackend, dockerSocket, pluginSocket, defaultPoolIpv4, defaultPoolIpv6 } = config;
  const pools = [defaultPoolIpv4, defaultPoolIpv6].filter((pool) => pool !== undefined);
  const facts = await readHostFacts(new ExecaCommandRunner(), { dockerSocket, pluginSocket });
  return checkHost(facts, { mtu, iptablesBackend, dockerSocket, pluginSocket, pools, ...options });
}
