import type { TrackedFlow } from '../src/effects/conntrack.js';
import type { FirewallState } from '../src/model/chain.js';
import type { IpAddress } from '../src/model/ip-address.js';
import type { Packet } from '../src/model/packet.js';
import { judgePacket } from './judge-packet.js';

/** Any interface that is not an endpoint's: rules of ours tell those apart from `cord+` only. */
const ELSEWHERE = 'elsewhere';

/** What has which address on this node. */
export interface LocalAddresses {
  /** The host side of the endpoint that has the address; undefined: no endpoint of this node has it. */
  hostInterfaceOf(address: IpAddress): string | undefined;
  isHosts(address: IpAddress): boolean;
}

/** Whether a tracked connection would be refused if it began now. */
export const isFlowDenied = (flow: TrackedFlow, state: FirewallState, local: LocalAddresses): boolean =>
  !judgePacket(state, firstPacketOf(flow, local)).allowed;

/** The connection's first packet as the filter saw it: behind translation of the destination, before that of the source. */
function firstPacketOf({ family, protocol, original, reply, icmp }: TrackedFlow, local: LocalAddresses): Packet {
  // Who answers is where the packet went.
  const { source: destination, sourcePort: destinationPort } = reply;
  const { source, sourcePort } = original;
  const ports = icmp === undefined ? { sourcePort, destinationPort } : { icmpType: icmp.type, icmpCode: icmp.code };
  return {
    family,
    protocol,
    source,
    destination,
    ...ports,
    inInterface: local.isHosts(source) ? undefined : (local.hostInterfaceOf(source) ?? ELSEWHERE),
    outInterface: local.isHosts(destination) ? undefined : (local.hostInterfaceOf(destination) ?? ELSEWHERE),
    conntrack: 'NEW',
    dnat: original.destination !== destination,
  };
}
