import { type Cidr, contains, parseCidr } from '../model/cidr.js';
import { InvalidRequestError } from '../model/errors.js';
import { HOST_INTERFACE_PREFIX } from '../model/ids.js';
import { familyOf, type IpAddress, type IpFamily, parseIpAddress } from '../model/ip-address.js';

/** How a node finds the address that other nodes reach it by: the value of `nodeIpDetect`. */
export type AddressDetection =
  | { readonly kind: 'firstFound' }
  /** The source address that the kernel would use towards this one. */
  | { readonly kind: 'canReach'; readonly address: IpAddress }
  | { readonly kind: 'interface'; readonly pattern: RegExp }
  | { readonly kind: 'cidr'; readonly cidr: Cidr };

/** An address of the host, in the order in which the kernel lists interfaces. */
export interface HostAddress {
  readonly interfaceName: string;
  readonly address: IpAddress;
}

/** Links of container engines and tunnels: never the way to another node. */
const NOT_UPLINKS = new RegExp(
  `^(lo|docker.*|br-.*|virbr.*|veth.*|tun.*|vxlan.*|flannel.*|cali.*|${HOST_INTERFACE_PREFIX}.*)$`,
);

/** Takes `first-found`, `can-reach=IP`, `interface=REGEX`, `cidr=CIDR`. @throws InvalidRequestError */
export function parseAddressDetection(text: string): AddressDetection {
  if (text === 'first-found') return { kind: 'firstFound' };
  const [method, value] = splitOnce(text);
  if (method === 'can-reach') return { kind: 'canReach', address: parseIpAddress(value) };
  if (method === 'cidr') return { kind: 'cidr', cidr: parseCidr(value) };
  if (method === 'interface' && value !== '') return { kind: 'interface', pattern: wholeNamePattern(value) };
  throw new InvalidRequestError(
    `${JSON.stringify(text)} does not say how to find the node's address: use first-found, can-reach=IP, interface=REGEX or cidr=CIDR`,
  );
}

/**
 * The address that the detection chooses among the host's own, or undefined if none fits.
 *
 * @param sourceTowards the kernel's choice of source address towards a destination; asked only for `can-reach`
 */
export function detectAddress(request: {
  readonly detection: AddressDetection;
  readonly family: IpFamily;
  readonly addresses: readonly HostAddress[];
  readonly sourceTowards: (destination: IpAddress) => IpAddress | undefined;
}): IpAddress | undefined {
  const { detection } = request;
  if (detection.kind === 'canReach') {
    return familyOf(detection.address) === request.family ? request.sourceTowards(detection.address) : undefined;
  }
  const usable = request.addresses.filter(
    ({ address }) => familyOf(address) === request.family && !isLinkLocal(address),
  );
  return usable.find((candidate) => fits(detection, candidate))?.address;
}

function fits(
  detection: Exclude<AddressDetection, { kind: 'canReach' }>,
  { interfaceName, address }: HostAddress,
): boolean {
  if (detection.kind === 'cidr') return contains(detection.cidr, address);
  if (detection.kind === 'interface') return detection.pattern.test(interfaceName);
  return !NOT_UPLINKS.test(interfaceName);
}

const isLinkLocal = (address: IpAddress): boolean => /^(169\.254\.|fe[89ab])/.test(address);

function splitOnce(text: string): [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function wholeNamePattern(pattern: string): RegExp {
  try {
    return new RegExp(`^(?:${pattern})$`);
  } catch (cause) {
    throw new InvalidRequestError(`nodeIpDetect: ${JSON.stringify(pattern)} is not a regular expression`, { cause });
  }
}
