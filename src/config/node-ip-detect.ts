import { type Cidr, parseCidr } from '../model/cidr.js';
import { type IpAddress, parseIpAddress } from '../model/ip-address.js';
import { refuse, type ValueType } from './value-type.js';

/** How the node's own address is found when `nodeIp` is not given. */
export type NodeIpDetect =
  /** The first global address of an interface that is neither ours nor Docker's. */
  | { readonly kind: 'first-found' }
  /** The address that packets to this one would leave with. */
  | { readonly kind: 'can-reach'; readonly address: IpAddress }
  /** The first address of an interface whose whole name matches. */
  | { readonly kind: 'interface'; readonly pattern: string }
  /** The first address within the network. */
  | { readonly kind: 'cidr'; readonly cidr: Cidr };

export const nodeIpDetect: ValueType<NodeIpDetect> = {
  label: 'first-found, can-reach=IP, interface=REGEX, cidr=CIDR',
  parse: (value) => {
    if (value === 'first-found') return { kind: 'first-found' };
    const [method, argument] = splitOnce(value);
    if (argument === '') return refuse('there is no such way', `write one of ${nodeIpDetect.label}`);
    if (method === 'can-reach') return { kind: 'can-reach', address: parseIpAddress(argument) };
    if (method === 'cidr') return { kind: 'cidr', cidr: parseCidr(argument) };
    if (method === 'interface') return { kind: 'interface', pattern: regularExpression(argument) };
    return refuse('there is no such way', `write one of ${nodeIpDetect.label}`);
  },
  format: (value) => {
    if (value.kind === 'first-found') return 'first-found';
    if (value.kind === 'can-reach') return `can-reach=${value.address}`;
    return value.kind === 'cidr' ? `cidr=${value.cidr}` : `interface=${value.pattern}`;
  },
};

function splitOnce(value: string): [string, string] {
  const at = value.indexOf('=');
  return at < 0 ? [value, ''] : [value.slice(0, at), value.slice(at + 1)];
}

function regularExpression(source: string): string {
  try {
    new RegExp(source);
    return source;
  } catch {
    return refuse('it holds no regular expression', 'write it as interface=eth.* or interface=ens\\d+');
  }
}
