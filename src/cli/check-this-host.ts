import type { CorduroyConfig } from '../config/corduroy-config.js';
import { ExecaCommandRunner } from '../infrastructure/linux/execa-command-runner.js';
import { readHostFacts } from '../infrastructure/linux/host-facts.js';
import type { Finding } from '../server/check/finding.js';
import { checkHost } from '../server/check/host-check.js';

/** An engine that starts, and waits for the daemon meanwhile, answers nothing. */
const STARTING_DOCKER_TIMEOUT_MS = 200;

/** The host held against these settings, without a daemon: pools are those that its first start would make. */
export async function checkThisHost(
  config: CorduroyConfig,
  options: { readonly starting: boolean; readonly socketIsHeld?: boolean },
): Promise<readonly Finding[]> {
  const { mtu, iptablesBackend, dockerSocket, pluginSocket, defaultPoolIpv4, defaultPoolIpv6 } = config;
  const pools = [defaultPoolIpv4, defaultPoolIpv6].filter((pool) => pool !== undefined);
  const dockerTimeoutMs = options.starting ? STARTING_DOCKER_TIMEOUT_MS : undefined;
  const facts = await readHostFacts(new ExecaCommandRunner(), { dockerSocket, pluginSocket }, dockerTimeoutMs);
  return checkHost(facts, { mtu, iptablesBackend, dockerSocket, pluginSocket, pools, ...options });
}
