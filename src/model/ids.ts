import { createHash } from 'node:crypto';
import type { Brand } from './brand.js';
import { InvalidRequestError } from './errors.js';

/** Docker's id of a network on one engine: 64 hex digits, or 25 base-36 ones for a swarm network. Differs by host. */
export type DockerNetworkId = Brand<string, 'DockerNetworkId'>;
/** Docker's id of one container's attachment to one network: 64 hex digits, new at every start of the container. */
export type EndpointId = Brand<string, 'EndpointId'>;
/** Cluster-wide name of a network, as the user typed it. */
export type NetworkName = Brand<string, 'NetworkName'>;
/** Of 1 to 128 letters, digits, `_`, `.` and `-`, as all names here: each is one part of a datastore key. */
export type ProfileName = Brand<string, 'ProfileName'>;
/** Mark that rules select peers by; every profile has a tag of its own name. */
export type TagName = Brand<string, 'TagName'>;
/** Cluster-wide name of a host that runs the daemon. */
export type NodeName = Brand<string, 'NodeName'>;
/** Name under which addresses are assigned and released together: an endpoint's id, or one made for an unbound address. */
export type HandleId = Brand<string, 'HandleId'>;

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

function named<T extends string>(what: string): (text: string) => Brand<string, T> {
  return (text) => {
    if (NAME.test(text)) return text as Brand<string, T>;
    throw new InvalidRequestError(
      `${JSON.stringify(text.slice(0, 140))} is not a ${what}: use 1 to 128 letters, digits, "_", "." or "-", the first a letter or digit`,
    );
  };
}

export const parseNetworkName = named<'NetworkName'>('network name');
export const parseProfileName = named<'ProfileName'>('profile name');
export const parseTagName = named<'TagName'>('tag');
export const parseNodeName = named<'NodeName'>('node name');
export const parseHandleId = named<'HandleId'>('handle');

/** @throws InvalidRequestError */
export function parseDockerNetworkId(text: string): DockerNetworkId {
  if (/^([0-9a-f]{64}|[0-9a-z]{25})$/.test(text)) return text as DockerNetworkId;
  throw new InvalidRequestError(
    `${JSON.stringify(text.slice(0, 80))} is not a Docker network id: 64 hex digits are expected`,
  );
}

/** @throws InvalidRequestError */
export function parseEndpointId(text: string): EndpointId {
  if (/^[0-9a-f]{64}$/.test(text)) return text as EndpointId;
  throw new InvalidRequestError(
    `${JSON.stringify(text.slice(0, 80))} is not a Docker endpoint id: 64 hex digits are expected`,
  );
}

/** Kernel name of a link: at most 15 bytes (IFNAMSIZ less the final NUL). */
export type InterfaceName = Brand<string, 'InterfaceName'>;

/** What every host side's name begins with; one wildcard `cord+` catches all endpoints, known or not. */
export const HOST_INTERFACE_PREFIX = 'cord';
/** The container end before Docker moves and renames it: does not match `cord+`, and carries no traffic. */
const CONTAINER_INTERFACE_PREFIX = 'ctmp';

/** `cord` and the first 11 hex digits of the endpoint's id. Docker's ids are random: a name is never used twice. */
export const hostInterfaceOf = (id: EndpointId): InterfaceName =>
  `${HOST_INTERFACE_PREFIX}${id.slice(0, 11)}` as InterfaceName;
/** The name of the container end until Docker gives it its own. */
export const containerInterfaceOf = (id: EndpointId): InterfaceName =>
  `${CONTAINER_INTERFACE_PREFIX}${id.slice(0, 11)}` as InterfaceName;

/** First `length` hex digits of the text's SHA-256. */
export const shortHash = (text: string, length: number): string =>
  createHash('sha256').update(text).digest('hex').slice(0, length);
