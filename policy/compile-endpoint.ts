import type { Chain, FilterRule } from '../src/model/chain.js';
import type { PublishedPort } from '../src/model/endpoint.js';
import type { InterfaceName, NetworkName, ProfileName } from '../src/model/ids.js';
import type { IpFamily } from '../src/model/ip-address.js';
import type { MacAddress } from '../src/model/mac-address.js';
import { chain, fromEndpointChain, inboundChain, outboundChain, toEndpointChain } from './chain-names.js';
import { networkSet } from './ip-set-names.js';
import {
  always,
  conntrack,
  DROP,
  destinationInSet,
  destinationPorts,
  goto,
  jump,
  marked,
  protocol,
  RETURN,
  sourceInSet,
  when,
} from './matches.js';

/** What decides about one endpoint of this node, gathered from its records. */
export interface EndpointPolicy {
  readonly interfaceName: InterfaceName;
  readonly mac: MacAddress;
  /**
   * In order. A profile that does not exist denies what reaches it: `missing`. Undefined: the endpoint's network is
   * not known, and with it neither the profiles; everything is denied.
   */
  readonly profiles:
    | readonly { readonly name: ProfileName; readonly mode: 'enforce' | 'audit' | 'missing' }[]
    | undefined;
  /** Set: nothing passes between the endpoint and what lies outside this network's subnets. */
  readonly internalNetwork: NetworkName | undefined;
  /** Ports that are open to translated connections, unless a rule denied them before. */
  readonly openPorts: readonly Pick<PublishedPort, 'protocol' | 'containerPort'>[];
}

/** The endpoint's two chains. A packet returns from them only if allowed, and then it is marked. */
export const compileEndpoint = (endpoint: EndpointPolicy, family: IpFamily, acceptMark: number): readonly Chain[] => [
  { table: 'mangle', name: fromEndpointChain(endpoint.interfaceName), rules: fromRules(endpoint, family, acceptMark) },
  { table: 'mangle', name: toEndpointChain(endpoint.interfaceName), rules: toRules(endpoint, family, acceptMark) },
];

function fromRules(endpoint: EndpointPolicy, family: IpFamily, acceptMark: number): readonly FilterRule[] {
  const { internalNetwork } = endpoint;
  return [
    when([{ kind: 'sourceMac', mac: endpoint.mac, negated: true }], DROP, 'not the MAC address of the endpoint'),
    ...(internalNetwork === undefined
      ? []
      : [when([destinationInSet(networkSet(family, internalNetwork), true)], DROP, 'the network is internal')]),
    ...profileRules(endpoint, outboundChain, acceptMark),
    lastRule(endpoint, acceptMark),
  ];
}

function toRules(endpoint: EndpointPolicy, family: IpFamily, acceptMark: number): readonly FilterRule[] {
  const { internalNetwork, openPorts } = endpoint;
  const published = openPorts.map(({ protocol: name, containerPort }) =>
    when(
      [protocol(name), destinationPorts(containerPort), conntrack('DNAT')],
      goto(chain('accept')),
      `published port ${containerPort}/${name}`,
    ),
  );
  return [
    ...(internalNetwork === undefined
      ? []
      : [when([sourceInSet(networkSet(family, internalNetwork), true)], DROP, 'the network is internal')]),
    ...profileRules(endpoint, inboundChain, acceptMark),
    ...(decided(endpoint) ? [] : published),
    lastRule(endpoint, acceptMark),
  ];
}

/** Those whose chains a packet passes: up to the first one that does not exist. */
function askedProfiles({ profiles = [] }: EndpointPolicy): NonNullable<EndpointPolicy['profiles']> {
  const missing = profiles.findIndex(({ mode }) => mode === 'missing');
  return missing < 0 ? profiles : profiles.slice(0, missing);
}

/** A packet that one allowed is not asked about again; what comes after the last of them sees to it itself. */
const profileRules = (
  endpoint: EndpointPolicy,
  chainOf: typeof inboundChain,
  acceptMark: number,
): readonly FilterRule[] =>
  askedProfiles(endpoint).flatMap(({ name }, place) => [
    ...(place === 0 ? [] : [when([marked(acceptMark)], RETURN)]),
    when([], jump(chainOf(name)), `profile ${name}`),
  ]);

/** Nothing after the profiles can allow: one of them is missing, or none is known. */
const decided = ({ profiles }: EndpointPolicy): boolean =>
  profiles === undefined || profiles.some(({ mode }) => mode === 'missing');

/** What happens to a packet that nothing before has allowed. */
function lastRule(endpoint: EndpointPolicy, acceptMark: number): FilterRule {
  const { profiles } = endpoint;
  if (profiles === undefined) return always(DROP, 'the network of the endpoint is not known');
  const undecided = askedProfiles(endpoint).length === 0 ? [] : [marked(acceptMark, true)];
  const missing = profiles.find(({ mode }) => mode === 'missing');
  if (missing !== undefined) return when(undecided, DROP, `the profile ${missing.name} does not exist`);
  const isTrial = profiles.length > 0 && profiles.every(({ mode }) => mode === 'audit');
  return isTrial ? when(undecided, goto(chain('audit'))) : when(undecided, DROP, 'no profile allowed it');
}
