import type { Versioned } from '../effects/cluster-view.js';
import type { Revision } from '../effects/datastore.js';
import type { Endpoint } from '../model/endpoint.js';
import type { EndpointId } from '../model/ids.js';
import type { IpAddress } from '../model/ip-address.js';
import type { MacAddress } from '../model/mac-address.js';

/** An endpoint in half the memory: what others share and what policy keeps as it is, and as one text what is seldom read. */
export interface PackedEndpoint
  extends Pick<Endpoint, 'node' | 'dockerNetworkId' | 'profiles' | 'containerProfiles' | 'tags' | 'labels'> {
  readonly revision: Revision;
  /** With a space between them. */
  readonly addresses: string;
  /** See packRest. */
  readonly rest: string;
}

/** What is one text in a packed endpoint. */
type Rest = Pick<Endpoint, 'mac' | 'container' | 'createdAt' | 'published'>;

export const packEndpoint = ({ value, revision }: Versioned<Endpoint>): PackedEndpoint => ({
  revision,
  node: value.node,
  dockerNetworkId: value.dockerNetworkId,
  addresses: value.addresses.join(' '),
  profiles: value.profiles,
  containerProfiles: value.containerProfiles,
  tags: value.tags,
  labels: value.labels,
  rest: packRest(value),
});

/** Equal to what was packed; fields that were absent are undefined. */
export function unpackEndpoint(id: EndpointId, packed: PackedEndpoint): Versioned<Endpoint> {
  const { mac, container, published, createdAt } = unpackRest(packed.rest);
  const value = {
    id,
    node: packed.node,
    dockerNetworkId: packed.dockerNetworkId,
    mac,
    addresses: packed.addresses === '' ? [] : (packed.addresses.split(' ') as IpAddress[]),
    profiles: packed.profiles,
    containerProfiles: packed.containerProfiles,
    tags: packed.tags,
    labels: packed.labels,
    container,
    published,
    createdAt,
  };
  return { value, revision: packed.revision };
}

/** What the usual text begins with; any other is JSON. */
const USUAL = '.';
/** Bytes of the MAC address and of the container's id, each one character of the usual text. */
const BYTES = 6 + 32;
/** Characters of the time as Date writes it. */
const TIME = 24;
const NONE: readonly never[] = Object.freeze([]);

/** Bytes, time and name one after the other where all are as Docker and we write them: half as long as JSON. */
function packRest({ mac, container, published, createdAt }: Rest): string {
  const isUsual =
    published.length === 0 &&
    createdAt.length === TIME &&
    container !== undefined &&
    /^[0-9a-f]{64}$/.test(container.id);
  if (!isUsual) return JSON.stringify([mac, container ?? null, published, createdAt]);
  const bytes = Buffer.from(mac.replaceAll(':', '') + container.id, 'hex').toString('latin1');
  // Joined, and not added: sums of texts keep their parts.
  return [USUAL, bytes, createdAt, container.name].join('');
}

function unpackRest(text: string): Rest {
  if (!text.startsWith(USUAL)) {
    const [mac, container, published, createdAt] = JSON.parse(text);
    return { mac, container: container ?? undefined, published, createdAt };
  }
  const [bytesEnd, timeEnd] = [USUAL.length + BYTES, USUAL.length + BYTES + TIME];
  const hex = Buffer.from(text.slice(USUAL.length, bytesEnd), 'latin1').toString('hex');
  return {
    mac: macOf(hex),
    container: { id: hex.slice(12), name: text.slice(timeEnd) },
    published: NONE,
    createdAt: text.slice(bytesEnd, timeEnd),
  };
}

/** Of the first twelve digits; part by part, as this is done for every endpoint of the cluster at each look at all. */
const macOf = (hex: string): MacAddress =>
  `${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}:${hex.slice(6, 8)}:${hex.slice(8, 10)}:${hex.slice(10, 12)}` as MacAddress;
