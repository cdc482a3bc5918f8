import { networkInterfaces } from 'node:os';
import type { LocalAddresses } from '../../policy/judge-flow.js';
import type { ClusterView } from '../effects/cluster-view.js';
import { hostInterfaceOf } from '../model/ids.js';
import { type IpAddress, ipAddressOrUndefined } from '../model/ip-address.js';

/** The addresses of this node's endpoints and of the host itself, as they are at this moment. */
export function localAddresses(view: Pick<ClusterView, 'localEndpoints'>): LocalAddresses {
  const interfaces = new Map<IpAddress, string>();
  for (const { value } of view.localEndpoints.values()) {
    for (const address of value.addresses) interfaces.set(address, hostInterfaceOf(value.id));
  }
  const hosts = new Set(
    Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .map(({ address }) => ipAddressOrUndefined(address)),
  );
  return { hostInterfaceOf: (address) => interfaces.get(address), isHosts: (address) => hosts.has(address) };
}
