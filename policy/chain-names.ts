import { createHash } from 'node:crypto';
import type { ChainName } from '../src/model/chain.js';
import { HOST_INTERFACE_PREFIX, type InterfaceName, type ProfileName } from '../src/model/ids.js';

/** Longest chain name that iptables takes, in bytes: XT_EXTENSION_MAXNAMELEN (29) less the final NUL. */
const MAX_CHAIN_NAME_LENGTH = 28;

/** The chains that are always there. */
export const CHAINS = {
  /** raw PREROUTING: what bears another source address than that of the endpoint behind its interface. */
  antiSpoof: 'cord-PREROUTING',
  /** mangle FORWARD: what enters or leaves by an endpoint, and is not of an established connection. */
  forward: 'cord-fwd',
  forwardFrom: 'cord-fwd-from',
  forwardTo: 'cord-fwd-to',
  notNew: 'cord-not-new',
  /** mangle INPUT: what endpoints send to this host itself. */
  input: 'cord-INPUT',
  toHost: 'cord-to-host',
  neighbourDiscovery: 'cord-nd',
  related: 'cord-related',
  /** Built-in protections against what no endpoint should send. */
  protections: 'cord-protect',
  encapsulation: 'cord-encap',
  /** mangle INPUT: of the packets of our tunnels, only what other nodes send. */
  tunnels: 'cord-tunnels',
  accept: 'cord-accept',
  audit: 'cord-audit',
  fromDispatch: 'cord-from',
  toDispatch: 'cord-to',
  /** security, or filter: drops what mangle did not allow, in case mangle was flushed. */
  guard: 'cord-guard',
  publish: 'cord-publish',
  postrouting: 'cord-POSTROUTING',
} as const satisfies Record<string, string>;

export const chain = (key: keyof typeof CHAINS): ChainName => CHAINS[key] as string as ChainName;

export const fromEndpointChain = (name: InterfaceName): ChainName => endpointChain('cord-fe-', name);
export const toEndpointChain = (name: InterfaceName): ChainName => endpointChain('cord-te-', name);
export const inboundChain = (profile: ProfileName): ChainName => fittedName('cord-pi-', profile) as ChainName;
export const outboundChain = (profile: ProfileName): ChainName => fittedName('cord-po-', profile) as ChainName;

/** Child of a dispatch tree for the names that begin with `cord` and `digits`. */
export const dispatchChain = (root: ChainName, digits: string): ChainName =>
  (digits === '' ? root : `${root}-${digits}`) as ChainName;

/** Published ports whose number divided by 256 is `bucket`. */
export const publishChain = (protocol: string, bucket: number): ChainName =>
  `cord-pub-${protocol}-${bucket}` as ChainName;

const endpointChain = (prefix: string, name: InterfaceName): ChainName =>
  `${prefix}${name.slice(HOST_INTERFACE_PREFIX.length)}` as ChainName;

/**
 * Prefix and name, or prefix, `_` and a hash of the name where that would be too long. Distinct names stay distinct:
 * no name begins with `_`.
 */
export function fittedName(prefix: string, name: string, maxLength = MAX_CHAIN_NAME_LENGTH): string {
  if (prefix.length + name.length <= maxLength) return prefix + name;
  return `${prefix}_${createHash('sha256').update(name).digest('base64url')}`.slice(0, maxLength);
}
