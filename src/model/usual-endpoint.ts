import type { Endpoint } from './endpoint.js';
import { InvalidRequestError } from './errors.js';
import { parseDockerNetworkId, parseEndpointId, parseNodeName, parseProfileName, parseTagName } from './ids.js';
import { parseIpAddress } from './ip-address.js';
import { parseMacAddress } from './mac-address.js';
import type { StoredFields } from './record.js';

/**
 * Reads a stored endpoint by hand as its schema would, in a quarter of the time: a host reads those of the whole cluster
 * when it starts. Undefined: it publishes ports or is not as it should be, which is for the schema to say.
 */
export function usualEndpoint(json: StoredFields): Endpoint | undefined {
  const { profiles, containerProfiles, labels, container, published } = json;
  if (!Array.isArray(published) || published.length > 0) return undefined;
  try {
    return {
      id: parseEndpointId(text(json['id'])),
      node: parseNodeName(text(json['node'])),
      dockerNetworkId: parseDockerNetworkId(text(json['dockerNetworkId'])),
      mac: parseMacAddress(text(json['mac'])),
      addresses: list(json['addresses'], parseIpAddress),
      ...(profiles !== undefined && { profiles: list(profiles, parseProfileName) }),
      ...(containerProfiles !== undefined && { containerProfiles: list(containerProfiles, parseProfileName) }),
      tags: list(json['tags'], parseTagName),
      labels: texts(labels),
      ...(container !== undefined && { container: named(container) }),
      published,
      createdAt: text(json['createdAt']),
    };
  } catch (error) {
    if (error instanceof InvalidRequestError) return undefined;
    throw error;
  }
}

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new InvalidRequestError('it is no text');
}

function list<T>(value: unknown, parse: (text: string) => T): readonly T[] {
  if (Array.isArray(value)) return value.map((item) => parse(text(item)));
  throw new InvalidRequestError('it is no list');
}

function fields(value: unknown): StoredFields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as StoredFields;
  throw new InvalidRequestError('it has no fields');
}

function texts(value: unknown): Readonly<Record<string, string>> {
  const of = fields(value);
  // The schema drops a label of this name, which is no other label's.
  if (Object.hasOwn(of, '__proto__')) throw new InvalidRequestError('it is no label');
  for (const key in of) text(of[key]);
  return of as Readonly<Record<string, string>>;
}

function named(value: unknown): NonNullable<Endpoint['container']> {
  const { id, name } = fields(value);
  return { id: text(id), name: text(name) };
}
