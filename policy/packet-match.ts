import { assertNever } from '../src/model/assert-never.js';
import type { FirewallState, InterfacePattern, Match } from '../src/model/chain.js';
import { contains, networkOf } from '../src/model/cidr.js';
import type { InterfaceName } from '../src/model/ids.js';
import { ADDRESS_BITS, familyOf, type IpAddress } from '../src/model/ip-address.js';
import {
  addressMember,
  addressOnInterfaceMember,
  flowMember,
  type IpSet,
  type IpSetName,
  networkMember,
} from '../src/model/ip-set.js';
import type { Packet } from '../src/model/packet.js';
import { protocolName } from '../src/model/protocol.js';
import type { PortRange } from '../src/model/rule.js';

/** Whether the packet, bearing the mark, fulfils the condition, as the kernel would find. */
export function matchesPacket(match: Match, packet: Packet, mark: number, sets: FirewallState['sets']): boolean {
  switch (match.kind) {
    case 'inInterface':
      return fits(packet.inInterface, match.pattern) !== match.negated;
    case 'outInterface':
      return fits(packet.outInterface, match.pattern) !== match.negated;
    case 'source':
      return contains(match.cidr, packet.source) !== match.negated;
    case 'destination':
      return contains(match.cidr, packet.destination) !== match.negated;
    case 'sourceInSet':
      return isMember(setOf(sets, match.set), packet.source, match.byInterface, packet) !== match.negated;
    case 'destinationInSet':
      return isMember(setOf(sets, match.set), packet.destination, match.byInterface, packet) !== match.negated;
    case 'flowInSet':
      return isFlow(setOf(sets, match.set), packet);
    case 'protocol':
      return (packet.protocol === match.number) !== match.negated;
    case 'sourcePorts':
      return hasPort(packet.sourcePort, match.ports.value) !== match.ports.negated;
    case 'destinationPorts':
      return hasPort(packet.destinationPort, match.ports.value) !== match.ports.negated;
    case 'icmp':
      return isIcmp(packet, match) !== match.negated;
    case 'conntrack':
      return match.states.some((state) => hasState(packet, state)) !== match.negated;
    case 'tcpSyn':
      return (packet.tcpSyn ?? packet.conntrack === 'NEW') !== match.negated;
    case 'sourceMac':
      return (packet.sourceMac === undefined || packet.sourceMac === match.mac) !== match.negated;
    case 'mark':
      return ((mark & match.mask) === match.value) !== match.negated;
    case 'vxlanNetwork':
      return packet.vxlanNetwork === match.id;
    case 'destinationIsLocal':
      return (packet.destinationIsLocal ?? false) !== match.negated;
    case 'limit':
      return true;
    default:
      return assertNever(match);
  }
}

/** A packet without the interface matches no pattern, as the empty name does not in the kernel. */
function fits(name: string | undefined, pattern: InterfacePattern): boolean {
  if (name === undefined) return false;
  return pattern.endsWith('+') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** A set that does not exist: the kernel would have refused the rule. */
function setOf(sets: FirewallState['sets'], name: IpSetName): IpSet {
  const set = sets.get(name);
  if (set === undefined) throw new Error(`a rule refers to the set ${name}, which is not in the state`);
  return set;
}

function isMember(set: IpSet, address: IpAddress, byInterface: boolean, packet: Packet): boolean {
  if (set.family !== familyOf(address)) return false;
  if (byInterface)
    return set.members.has(addressOnInterfaceMember(address, (packet.inInterface ?? '') as InterfaceName));
  if (set.type === 'hash:ip') return set.members.has(addressMember(address));
  for (let length = ADDRESS_BITS[set.family]; length > 0; length--) {
    if (set.members.has(networkMember(networkOf(address, length)))) return true;
  }
  return false;
}

function isFlow(set: IpSet, packet: Packet): boolean {
  const name = protocolName(packet.protocol);
  if (name !== 'tcp' && name !== 'udp' && name !== 'sctp') return false;
  return set.members.has(flowMember(packet.source, name, packet.destinationPort ?? 0, packet.destination));
}

const hasPort = (port: number | undefined, ranges: readonly PortRange[]): boolean =>
  port !== undefined && ranges.some(({ first, last }) => first <= port && port <= last);

const isIcmp = (packet: Packet, { type, code }: Extract<Match, { kind: 'icmp' }>): boolean =>
  packet.icmpType === type && (code === undefined || (packet.icmpCode ?? 0) === code);

const hasState = (packet: Packet, state: string): boolean =>
  state === 'DNAT' ? packet.dnat === true : packet.conntrack === state;
