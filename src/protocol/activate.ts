/**
 * Answers of the handshake. Constants: Docker asks once per engine process, and an error here breaks the plugin's name
 * until the engine restarts, so nothing that can fail may stand behind them.
 */
export const ACTIVATE_REPLY = { Implements: ['NetworkDriver', 'IpamDriver'] } as const;

/** `local`: Docker keeps no global store for socket plugins. `global`: our containers are reachable across hosts. */
export const NETWORK_CAPABILITIES_REPLY = {
  Scope: 'local',
  ConnectivityScope: 'global',
  GwAllocChecker: true,
} as const;

/** Everything we need is on disk, so nothing has to be requested again when the engine restarts. */
export const IPAM_CAPABILITIES_REPLY = { RequiresMACAddress: false, RequiresRequestReplay: false } as const;

/** Docker names one of these two in each RequestPool. */
export const LOCAL_ADDRESS_SPACE = 'CorduroyLocal';
export const GLOBAL_ADDRESS_SPACE = 'CorduroyGlobal';

export const ADDRESS_SPACES_REPLY = {
  LocalDefaultAddressSpace: LOCAL_ADDRESS_SPACE,
  GlobalDefaultAddressSpace: GLOBAL_ADDRESS_SPACE,
} as const;

/** Address spaces of Docker's own IPAM drivers, `default` and `null`. */
export const DOCKER_ADDRESS_SPACES: ReadonlySet<string> = new Set(['LocalDefault', 'GlobalDefault']);
export const NULL_ADDRESS_SPACE = 'null';
