import type { NodeIpDetect } from '../config/node-ip-detect.js';
import { contains } from '../model/cidr.js';
import { HOST_INTERFACE_PREFIX } from '../model/ids.js';
import { familyOf, type IpAddress, type IpFamily } from '../model/ip-address.js';

/** An address of the host, in the order in which the kernel lists interfaces. */
export interface HostAddress {
  readonly interfaceName: string;
  readonly address: IpAddress;
}

/** Links of container engines and tunnels: never the way to another node. */
const NOT_UPLINKS = new RegExp(
  `^(lo|docker.*|br-.*|virbr.*|veth.*|tun.*|vxlan.*|ipip.*|flannel.*|cali.*|${HOST_INTERFACE_PREFIX}.*)$`,
);

/**
 * The address that the detection chooses among the host's own, or undefined if none fits.
 *
 * @param sourceTowards the kernel's choice of source address towards a destination; asked only for `can-reach`
 */
export function detectAddress(request: {
  readonly detection: NodeIpDetect;
  readonly family: IpFamily;
  readonly addresses: readonly HostAddress[];
  readonly sourceTowards: (destination: IpAddress) => IpAddress | undefined;
}): IpAddress | undefined {
  const { detection } = request;
  if (detection.kind === 'can-reach') {
    return familyOf(detection.address) === request.family ? request.sourceTowards(detection.address) : undefined;
  }
  const usable = request.addresses.filter(
    ({ address }) => familyOf(address) === request.family && !isLinkLocal(address),
  );
  return usable.find((candidate) => fits(detection, candidate))?.address;
}

function fits(
  detection: Exclude<NodeIpDetect, { kind: 'can-reach' }>,
  { interfaceName, address }: HostAddress,
): boolean {
  if (detection.kind === 'cidr') return contains(detection.cidr, address);
  if (detection.kind === 'interface') return new RegExp(`^(?:${detection.pattern})$`).test(interfaceName);
  return !NOT_UPLINKS.test(interfaceName);
}

const isLinkLocal = (address: IpAddress): boolean => /^(169\.254\.|fe[89ab])/.test(address);
