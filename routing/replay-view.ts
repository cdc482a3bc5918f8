import type { ClusterChange, ClusterView } from '../src/effects/cluster-view.js';
import { endpointKey } from '../src/model/endpoint.js';
import { networkKey } from '../src/model/network.js';
import { nodeKey } from '../src/model/node.js';
import { poolKey } from '../src/model/pool.js';
import { profileKey } from '../src/model/profile.js';

/** All that the view holds now, as the changes that would make it from nothing. */
export function* replayView(view: ClusterView): Generator<ClusterChange> {
  const before = undefined;
  for (const { value: after } of view.nodes.values()) yield { kind: 'node', key: nodeKey(after.name), before, after };
  for (const { value: after } of view.pools.values()) yield { kind: 'pool', key: poolKey(after.cidr), before, after };
  for (const { value: after } of view.profiles.values()) {
    yield { kind: 'profile', key: profileKey(after.name), before, after };
  }
  for (const { value: after } of view.networks.values()) {
    yield { kind: 'network', key: networkKey(after.name), before, after };
  }
  for (const [key, { value: after }] of view.nodeNetworks) yield { kind: 'nodeNetwork', key, before, after };
  for (const { value: after } of view.endpoints.values()) {
    yield { kind: 'endpoint', key: endpointKey(after.node, after.id), before, after };
  }
}
