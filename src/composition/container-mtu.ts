import type { ClusterView } from '../effects/cluster-view.js';
import { contains } from '../model/cidr.js';
import type { NodeName } from '../model/ids.js';
import type { Network } from '../model/network.js';
import { tunnelOverhead } from '../model/tunnel.js';

/** The largest packet in bytes that containers of the network may send: what is left of the uplink's by tunnels. */
export function containerMtu(
  { subnets }: Pick<Network, 'subnets'>,
  here: { readonly store: Pick<ClusterView, 'pools' | 'nodes'>; readonly node: NodeName; readonly uplinkMtu: number },
): number {
  const { store, node, uplinkMtu } = here;
  const outer = store.nodes.get(node)?.value.ip === undefined ? 6 : 4;
  const overheads = [...store.pools.values()]
    .filter(({ value: { cidr } }) => subnets.some((subnet) => contains(cidr, subnet.cidr)))
    .map(({ value: { encapsulation } }) =>
      encapsulation.kind === 'none' ? 0 : tunnelOverhead(encapsulation.kind, outer),
    );
  return uplinkMtu - Math.max(0, ...overheads);
}
