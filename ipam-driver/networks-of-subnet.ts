import type { ClusterStore } from '../src/effects/cluster-view.js';
import type { Cidr } from '../src/model/cidr.js';
import type { NetworkName } from '../src/model/ids.js';

/** Names of this node's networks that have the subnet. */
export const networksOn = (store: Pick<ClusterStore, 'localNetworks' | 'networks'>, subnet: Cidr): readonly string[] =>
  [...store.localNetworks.values()]
    .map(({ value }) => value.network)
    .filter((name) => store.networks.get(name)?.value.subnets.some(({ cidr }) => cidr === subnet) === true);

/** Names of the cluster's networks that have the subnet. */
export const networksWith = (store: Pick<ClusterStore, 'networks'>, subnet: Cidr): readonly NetworkName[] =>
  [...store.networks.values()]
    .filter(({ value }) => value.subnets.some(({ cidr }) => cidr === subnet))
    .map(({ value }) => value.name);
