import type { Chain, FilterRule } from '../src/model/chain.js';
import type { Cidr } from '../src/model/cidr.js';
import { hostCidr } from '../src/model/cidr.js';
import type { PublishedPort } from '../src/model/endpoint.js';
import type { EndpointId } from '../src/model/ids.js';
import { familyOf, type IpAddress, type IpFamily } from '../src/model/ip-address.js';
import { chain, publishChain } from './chain-names.js';
import { destination, destinationPorts, goto, protocol, RETURN, when } from './matches.js';

/** Ports of one chain: a connection is compared with those of its own chain only. */
const PORTS_PER_CHAIN = 256;
const ANY_ADDRESS: readonly string[] = ['0.0.0.0', '::'];
const LOOPBACK: Readonly<Record<IpFamily, Cidr>> = { 4: '127.0.0.0/8' as Cidr, 6: '::1/128' as Cidr };

/** A port of this host that leads to an endpoint's address of the same family. */
export interface Publication {
  readonly endpoint: EndpointId;
  readonly port: PublishedPort;
  readonly address: IpAddress;
}

/**
 * Whether the kernel translates the port. Not one on a loopback address: that would need route_localnet, which opens
 * the host's loopback to containers.
 */
export const isTranslated = ({ hostIp }: PublishedPort): boolean =>
  hostIp === undefined || !(hostIp.startsWith('127.') || hostIp === '::1');

/** Whether connections of the family reach the port at all. */
export const isOfFamily = ({ hostIp }: PublishedPort, family: IpFamily): boolean =>
  hostIp === undefined || familyOf(hostIp) === family;

/** Name of the chain that holds the publication's rule. */
export const publishChainOf = ({ port }: Publication): Chain['name'] =>
  publishChain(port.protocol, Math.floor(port.hostPort / PORTS_PER_CHAIN));

/**
 * One chain of translations. A port on an address of its own comes before the same on every address; of two that are
 * equal the endpoint with the lesser id has it.
 */
export const compilePublishChain = (name: Chain['name'], publications: Iterable<Publication>): Chain => ({
  table: 'nat',
  name,
  rules: [...publications].sort(comparePublications).map(translation),
});

/** The root: sends a connection to the chain of its protocol and port. @param names those that have rules */
export const compilePublishRoot = (family: IpFamily, publications: Iterable<Publication>): Chain => ({
  table: 'nat',
  name: chain('publish'),
  rules: [when([destination(LOOPBACK[family])], RETURN), ...branches(publications)],
});

function branches(publications: Iterable<Publication>): readonly FilterRule[] {
  const byName = new Map<string, FilterRule>();
  for (const publication of publications) {
    const { protocol: name, hostPort } = publication.port;
    const first = Math.floor(hostPort / PORTS_PER_CHAIN) * PORTS_PER_CHAIN;
    const ports = { value: [{ first, last: first + PORTS_PER_CHAIN - 1 }], negated: false };
    byName.set(
      `${name} ${String(first).padStart(5, '0')}`,
      when([protocol(name), { kind: 'destinationPorts', ports }], goto(publishChainOf(publication))),
    );
  }
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, rule]) => rule);
}

function translation({ endpoint, port, address }: Publication): FilterRule {
  const onAddress = hostAddressOf(port);
  return when(
    [
      protocol(port.protocol),
      ...(onAddress === undefined ? [] : [destination(hostCidr(onAddress))]),
      destinationPorts(port.hostPort),
    ],
    { kind: 'dnat', address, port: port.containerPort },
    `endpoint ${endpoint.slice(0, 12)}`,
  );
}

const hostAddressOf = ({ hostIp }: PublishedPort): IpAddress | undefined =>
  hostIp === undefined || ANY_ADDRESS.includes(hostIp) ? undefined : hostIp;

function comparePublications(a: Publication, b: Publication): number {
  const sortKey = ({ port, endpoint, address }: Publication): string => {
    const on = hostAddressOf(port);
    return [
      on === undefined ? 1 : 0,
      String(port.hostPort).padStart(5, '0'),
      on ?? '',
      endpoint,
      port.containerPort,
      address,
    ].join(' ');
  };
  return sortKey(a) < sortKey(b) ? -1 : 1;
}
