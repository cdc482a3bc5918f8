// Keys of the driver's queue beside endpoints' ids: no endpoint has such an id.

/** All networks share one: each needs subnets and a gateway unlike the others'. */
export const NETWORKS = 'networks';
/** So does every choice of host ports. */
export const PORTS = 'ports';
