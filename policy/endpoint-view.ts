import type { Endpoint, PublishedPort } from '../src/model/endpoint.js';
import { type EndpointId, hostInterfaceOf, type TagName } from '../src/model/ids.js';
import type { IpAddress } from '../src/model/ip-address.js';
import type { Network } from '../src/model/network.js';
import type { ClusterIndex } from './cluster-index.js';
import type { EndpointPolicy } from './compile-endpoint.js';
import type { KnownEndpoint } from './known-endpoint.js';
import { isTranslated } from './nat.js';

/** All that the firewall of this node takes from one endpoint and the records it depends on. */
export interface EndpointView {
  readonly id: EndpointId;
  readonly addresses: readonly IpAddress[];
  /** Sorted, unique: its own and those of its profiles. */
  readonly tags: readonly TagName[];
  /** For an endpoint of this node. */
  readonly local: LocalView | undefined;
}

export interface LocalView {
  readonly policy: EndpointPolicy;
  readonly masqueraded: readonly IpAddress[];
  readonly published: readonly PublishedPort[];
}

/** Depends on the records in the index alone. Undefined: there is no such endpoint. */
export function viewEndpoint(index: ClusterIndex, id: EndpointId): EndpointView | undefined {
  const known = index.endpoints.get(id);
  if (known === undefined) return undefined;
  const local = index.localEndpoints.get(id);
  return {
    id,
    addresses: known.addresses,
    tags: index.tagsOf(known),
    local: local && index.hasInterface(id) ? viewLocal(index, local, known) : undefined,
  };
}

function viewLocal(index: ClusterIndex, endpoint: Endpoint, known: KnownEndpoint): LocalView {
  const network = index.networkOf(known);
  // an internal network publishes nothing, and nothing of it goes outside
  const open = network !== undefined && !network.internal ? network : undefined;
  const published = open === undefined ? [] : endpoint.published.filter(isTranslated);
  return {
    policy: {
      interfaceName: hostInterfaceOf(endpoint.id),
      mac: endpoint.mac,
      profiles:
        network === undefined
          ? undefined
          : index.profileNamesOf(known)?.map((name) => ({ name, mode: index.profiles.get(name)?.mode ?? 'missing' })),
      internalNetwork: network?.internal ? network.name : undefined,
      openPorts: open?.options.publish === 'allow' ? openPortsOf(published) : [],
    },
    masqueraded: open === undefined ? [] : endpoint.addresses.filter((address) => isMasqueraded(index, open, address)),
    published,
  };
}

function openPortsOf(published: readonly PublishedPort[]): EndpointPolicy['openPorts'] {
  const byText = new Map(
    published.map(({ protocol, containerPort }) => [`${protocol} ${containerPort}`, { protocol, containerPort }]),
  );
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, port]) => port);
}

/** As the network says, else its pool; addresses of Docker's own IPAM driver are in no pool, and known to no router. */
function isMasqueraded(index: ClusterIndex, network: Network, address: IpAddress): boolean {
  return network.options.natOutgoing ?? index.poolOf(address)?.natOutgoing ?? network.ipam === 'docker';
}

/** Whether everything that `before` let pass, `after` lets pass as well. */
export function onlyOpens(before: EndpointPolicy, after: EndpointPolicy): boolean {
  if (before.profiles === undefined) return true;
  return (
    before.mac === after.mac &&
    (after.internalNetwork === undefined || after.internalNetwork === before.internalNetwork) &&
    profilesOnlyOpen(before.profiles, after.profiles ?? []) &&
    before.openPorts.every((port) => after.openPorts.some((other) => samePort(port, other)))
  );
}

type Profiles = NonNullable<EndpointPolicy['profiles']>;

const profilesOnlyOpen = (before: Profiles, after: Profiles): boolean =>
  before.length === after.length &&
  before.every(({ name, mode }, position) => {
    const other = after[position];
    return (
      other?.name === name &&
      (other.mode === mode || mode === 'missing' || (mode === 'enforce' && other.mode === 'audit'))
    );
  });

const samePort = (a: EndpointPolicy['openPorts'][number], b: EndpointPolicy['openPorts'][number]): boolean =>
  a.protocol === b.protocol && a.containerPort === b.containerPort;
