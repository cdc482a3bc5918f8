import type { HostFacts } from '../../effects/host-facts.js';
import type { Check, CheckSettings, Finding } from './finding.js';
import { checkMtu, checkPools } from './links-and-routes.js';
import {
  checkBackends,
  checkBridgeFilter,
  checkFirewalls,
  checkForwarding,
  checkForwardPolicy,
  checkRpFilter,
} from './packet-path.js';
import { checkKernel, checkPrivileges, checkSettings, checkTools } from './requirements.js';
import { checkDocker, checkPluginSocket } from './sockets.js';

const CHECKS: readonly Check[] = [
  checkPrivileges,
  checkTools,
  checkKernel,
  checkSettings,
  checkForwarding,
  checkForwardPolicy,
  checkBackends,
  checkFirewalls,
  checkRpFilter,
  checkBridgeFilter,
  checkDocker,
  checkPluginSocket,
  checkMtu,
  checkPools,
];

/** Everything worth telling about the host, in a fixed order. Pure. */
export function checkHost(facts: HostFacts, settings: CheckSettings): readonly Finding[] {
  return CHECKS.flatMap((check) => check(facts, settings));
}
