import { z } from 'zod';
import { asNumberSchema } from './as-number.js';
import type { Brand } from './brand.js';
import { InvalidRequestError } from './errors.js';
import { type NodeName, parseNodeName } from './ids.js';
import { familyOf, type IpAddress, ipAddressOrUndefined, parseIpAddress } from './ip-address.js';
import { defineRecord, parsed } from './record.js';

/** Four bytes, written like an IPv4 address (RFC 4456). */
export type RouteReflectorClusterId = Brand<string, 'RouteReflectorClusterId'>;

/** @throws InvalidRequestError */
export function parseRouteReflectorClusterId(text: string): RouteReflectorClusterId {
  const address = ipAddressOrUndefined(text);
  if (address !== undefined && familyOf(address) === 4 && address !== '0.0.0.0') {
    return text as RouteReflectorClusterId;
  }
  throw new InvalidRequestError(
    `${JSON.stringify(text.slice(0, 40))} is not a route reflector cluster id: write it like an IPv4 address, such as 244.0.0.1`,
  );
}

/** A host that runs the daemon. */
export interface Node {
  readonly name: NodeName;
  readonly ip?: IpAddress | undefined;
  readonly ip6?: IpAddress | undefined;
  /** What the host itself sends into tunnels has this source: an address of a network, as a container's. */
  readonly tunnelIp?: IpAddress | undefined;
  readonly tunnelIp6?: IpAddress | undefined;
  /** Absent: the cluster's default. */
  readonly asNumber?: number | undefined;
  /** Passes the routes of nodes on to nodes; reflectors of one id stand in for one another. Absent: it is none. */
  readonly routeReflectorClusterId?: RouteReflectorClusterId | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly version: string;
  /** ISO 8601, UTC, of the daemon's start. */
  readonly startedAt: string;
}

const schema: z.ZodType<Node> = z.object({
  name: parsed(parseNodeName),
  ip: parsed(parseIpAddress).optional(),
  ip6: parsed(parseIpAddress).optional(),
  tunnelIp: parsed(parseIpAddress).optional(),
  tunnelIp6: parsed(parseIpAddress).optional(),
  asNumber: asNumberSchema.optional(),
  routeReflectorClusterId: parsed(parseRouteReflectorClusterId).optional(),
  labels: z.record(z.string(), z.string()),
  version: z.string(),
  startedAt: z.string(),
});

/** The node's tunnel addresses, IPv4 first. */
export const tunnelAddressesOf = ({
  tunnelIp,
  tunnelIp6,
}: Pick<Node, 'tunnelIp' | 'tunnelIp6'>): readonly IpAddress[] =>
  [tunnelIp, tunnelIp6].filter((address) => address !== undefined);

export const NodeRecord = defineRecord('Node', schema);
export const nodeKey = (name: NodeName): string => NodeRecord.key(name);
