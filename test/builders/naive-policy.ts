import type { ClusterChange } from '../../src/effects/cluster-view.js';
import type { Cidr } from '../../src/model/cidr.js';
import { contains } from '../../src/model/cidr.js';
import { type Endpoint, profilesOf } from '../../src/model/endpoint.js';
import { hostInterfaceOf } from '../../src/model/ids.js';
import { familyOf, type IpAddress, type IpFamily } from '../../src/model/ip-address.js';
import type { Network, NodeNetwork } from '../../src/model/network.js';
import type { Packet } from '../../src/model/packet.js';
import type { Profile } from '../../src/model/profile.js';
import { PROTOCOL_NUMBERS } from '../../src/model/protocol.js';
import type { Negatable, PeerMatch, PortRange, Rule } from '../../src/model/rule.js';
import type { SelectorText } from '../../src/model/selector.js';
import { SELECTORS, THIS_NODE } from './clusters.js';
import { completionsOf, type LabelSet } from './selectors.js';

/**
 * What the records mean for one packet, said as plainly as possible and with no thought for speed: the oracle beside
 * which compiled chains are held. Knows the default settings only.
 */
export class NaivePolicy {
  readonly #endpoints: readonly Endpoint[];
  readonly #networks: readonly Network[];
  readonly #nodeNetworks: readonly NodeNetwork[];
  readonly #profiles: readonly Profile[];
  readonly #nodeAddresses: readonly IpAddress[];

  /** @param records each at most once */
  constructor(records: readonly ClusterChange[]) {
    const of = <T>(kind: string) =>
      records.filter((one) => one.kind === kind).map(({ after }) => after as unknown as T);
    this.#endpoints = of<Endpoint>('endpoint');
    this.#networks = of<Network>('network');
    this.#nodeNetworks = of<NodeNetwork>('nodeNetwork');
    this.#profiles = of<Profile>('profile');
    this.#nodeAddresses = of<{ ip?: IpAddress }>('node').flatMap(({ ip }) => (ip === undefined ? [] : [ip]));
  }

  allows(packet: Packet): boolean {
    const fromEndpoint = packet.inInterface?.startsWith('cord') ?? false;
    const toEndpoint = packet.outInterface?.startsWith('cord') ?? false;
    const sender = this.#endpointAt(packet.inInterface, packet.family);
    if (fromEndpoint && !sender?.addresses.includes(packet.source)) return false;
    if (!fromEndpoint && !toEndpoint) return true;
    if (packet.conntrack === 'ESTABLISHED') return true;
    const toHost = packet.outInterface === undefined;
    if (toHost && packet.protocol === 58 && [134, 137].includes(packet.icmpType ?? -1)) return false;
    if (toHost && packet.protocol === 58 && [130, 131, 132, 133, 135, 136, 143].includes(packet.icmpType ?? -1))
      return true;
    if (packet.conntrack === 'INVALID') return false;
    if (packet.conntrack === 'RELATED' && isIcmpError(packet)) return true;
    if (packet.protocol === 6 && !packet.tcpSyn) return false;
    if (fromEndpoint && (sender === undefined || this.#isForbidden(packet, toHost))) return false;
    if (sender !== undefined && !this.#decides(sender, 'outbound', packet)) return false;
    if (toHost) return isForHost(packet);
    const receiver = this.#endpointAt(packet.outInterface, packet.family);
    return !toEndpoint || (receiver !== undefined && this.#decides(receiver, 'inbound', packet));
  }

  /** An endpoint is not there for a family in which it has no address. */
  #endpointAt(name: string | undefined, family: IpFamily): Endpoint | undefined {
    return this.#endpoints.find(
      ({ id, node, addresses }) =>
        node === THIS_NODE && hostInterfaceOf(id) === name && addresses.some((address) => familyOf(address) === family),
    );
  }

  #isForbidden(packet: Packet, toHost: boolean): boolean {
    if (packet.protocol === 17 && [4789, 8472].includes(packet.destinationPort ?? 0)) return true;
    if ([4, 41, 47].includes(packet.protocol)) return true;
    if (toHost) return false;
    if (packet.family === 4 && contains('169.254.0.0/16' as Cidr, packet.destination)) return true;
    if (packet.family === 6 && contains('fe80::/10' as Cidr, packet.destination)) return true;
    if (packet.protocol === 1 && packet.icmpType === 5) return true;
    if (packet.protocol === 58 && [134, 137].includes(packet.icmpType ?? 0)) return true;
    const infrastructure = packet.protocol === 6 && [179, 2379, 2380].includes(packet.destinationPort ?? 0);
    return infrastructure && this.#nodeAddresses.includes(packet.destination);
  }

  /** One end's verdict. */
  #decides(endpoint: Endpoint, direction: 'inbound' | 'outbound', packet: Packet): boolean {
    const network = this.#networkOf(endpoint);
    if (network === undefined) return false;
    if (direction === 'outbound' && packet.sourceMac !== undefined && packet.sourceMac !== endpoint.mac) return false;
    const peer = direction === 'outbound' ? packet.destination : packet.source;
    if (network.internal && !network.subnets.some(({ cidr }) => contains(cidr, peer))) return false;
    const names = profilesOf(endpoint, network);
    const profiles = names.map((name) => this.#profiles.find((profile) => profile.name === name));
    for (const profile of profiles) {
      if (profile === undefined) return false;
      const verdict = this.#verdictOf(profile, direction, packet);
      if (verdict !== 'undecided') return verdict === 'allow' || profile.mode === 'audit';
    }
    if (direction === 'inbound' && this.#isPublished(endpoint, network, packet)) return true;
    return profiles.length > 0 && profiles.every((profile) => profile?.mode === 'audit');
  }

  #verdictOf(profile: Profile, direction: 'inbound' | 'outbound', packet: Packet): 'allow' | 'deny' | 'undecided' {
    for (const rule of profile[direction]) {
      const matches = ruleMatches(
        rule,
        packet,
        (address, tag) => this.#bears(address, tag),
        (address, selector) => this.#isSelected(address, selector),
      );
      if (rule.action === 'log' || matches === false) continue;
      if (matches === undefined && rule.action === 'allow') continue;
      if (matches === undefined) return 'deny';
      return rule.action === 'pass' ? 'undecided' : rule.action;
    }
    return 'undecided';
  }

  #bears(address: IpAddress, tag: string): boolean {
    return this.#endpoints.some((one) => one.addresses.includes(address) && this.#tagsOf(one).includes(tag));
  }

  /** By trying every way in which labels that are not known yet may turn out. */
  #isSelected(address: IpAddress, text: string): boolean | undefined {
    const holds = SELECTORS.get(text as SelectorText) as (labels: LabelSet) => boolean;
    const verdicts = this.#endpoints
      .filter(({ addresses }) => addresses.includes(address))
      .map(({ labels, container }) => {
        const outcomes = new Set((container === undefined ? completionsOf(labels) : [labels]).map(holds));
        return outcomes.size === 1 ? outcomes.has(true) : undefined;
      });
    if (verdicts.includes(true)) return true;
    return verdicts.includes(undefined) ? undefined : false;
  }

  #tagsOf(endpoint: Endpoint): readonly string[] {
    const network = this.#networkOf(endpoint);
    const names =
      network === undefined ? (endpoint.profiles ?? endpoint.containerProfiles ?? []) : profilesOf(endpoint, network);
    return [...endpoint.tags, ...this.#profiles.filter(({ name }) => names.includes(name)).flatMap(({ tags }) => tags)];
  }

  #isPublished(endpoint: Endpoint, network: Network, packet: Packet): boolean {
    if (!packet.dnat || network.internal || network.options.publish !== 'allow') return false;
    return endpoint.published.some(
      ({ protocol, containerPort, hostIp }) =>
        PROTOCOL_NUMBERS[protocol] === packet.protocol &&
        containerPort === packet.destinationPort &&
        hostIp !== '127.0.0.1',
    );
  }

  #networkOf({ node, dockerNetworkId }: Endpoint): Network | undefined {
    const name = this.#nodeNetworks.find(
      (one) => one.node === node && one.dockerNetworkId === dockerNetworkId,
    )?.network;
    return this.#networks.find((network) => network.name === name);
  }
}

/**
 * Undefined: it is not known yet.
 *
 * @param bears whether an address bears a tag
 * @param isSelected whether a selector selects an address
 */
export function ruleMatches(
  rule: Rule,
  packet: Packet,
  bears: (address: IpAddress, tag: string) => boolean,
  isSelected: (address: IpAddress, selector: string) => boolean | undefined = () => false,
): boolean | undefined {
  const peerMatches = ({ tag, cidr, selector }: PeerMatch, address: IpAddress): boolean | undefined => {
    // a rule that names an address of one IP version says nothing about the other
    if (cidr !== undefined && cidr.value.includes(':') !== address.includes(':')) return false;
    if (!holds(cidr, (value) => contains(value, address)) || !holds(tag, (value) => bears(address, value)))
      return false;
    const selected = selector === undefined ? true : isSelected(address, selector.value);
    return selected === undefined ? undefined : selected !== (selector?.negated ?? false);
  };
  const verdicts = [
    protocolMatches(rule, packet),
    peerMatches(rule.source, packet.source),
    peerMatches(rule.destination, packet.destination),
  ];
  if (verdicts.includes(false)) return false;
  return verdicts.includes(undefined) ? undefined : true;
}

const holds = <T>(match: Negatable<T> | undefined, test: (value: T) => boolean): boolean =>
  match === undefined || test(match.value) !== match.negated;

function protocolMatches({ match }: Rule, packet: Packet): boolean {
  switch (match.protocol) {
    case 'any':
      return true;
    case 'number':
      return packet.protocol === match.number;
    case 'not':
      return packet.protocol !== match.number;
    case 'icmp':
    case 'icmpv6':
      return (
        packet.family === (match.protocol === 'icmp' ? 4 : 6) &&
        packet.protocol === PROTOCOL_NUMBERS[match.protocol] &&
        holds(
          match.icmp,
          ({ type, code }) => packet.icmpType === type && (code === undefined || packet.icmpCode === code),
        )
      );
    default:
      return (
        packet.protocol === PROTOCOL_NUMBERS[match.protocol] &&
        holds(match.sourcePorts, (ports) => inRanges(packet.sourcePort, ports)) &&
        holds(match.destinationPorts, (ports) => inRanges(packet.destinationPort, ports))
      );
  }
}

const inRanges = (port: number | undefined, ranges: readonly PortRange[]): boolean =>
  ranges.some(({ first, last }) => port !== undefined && port >= first && port <= last);

const isIcmpError = ({ family, protocol, icmpType = -1 }: Packet): boolean =>
  family === 4 ? protocol === 1 && [3, 11, 12].includes(icmpType) : protocol === 58 && [1, 2, 3, 4].includes(icmpType);

function isForHost({ family, protocol, destinationPort, icmpType }: Packet): boolean {
  if (protocol === 6 || protocol === 17) return destinationPort === 53;
  return family === 4 ? protocol === 1 && icmpType === 8 : protocol === 58 && icmpType === 128;
}
