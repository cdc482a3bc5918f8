import { type Cidr, contains } from '../../model/cidr.js';
import { InvalidRequestError } from '../../model/errors.js';
import type { IpAddress } from '../../model/ip-address.js';
import type { SubnetPlan } from '../../model/network-plan.js';

/** What a user said about addresses, flag by flag, as Docker's command line takes it. */
export interface AddressChoices {
  readonly subnets: readonly Cidr[];
  readonly gateways: readonly IpAddress[];
  readonly ranges: readonly Cidr[];
  readonly auxiliary: Readonly<Record<string, IpAddress>>;
}

/** Each gateway, range and auxiliary address with the subnet that it is in. @throws InvalidRequestError naming the flag */
export function planSubnets({ subnets, gateways, ranges, auxiliary }: AddressChoices): readonly SubnetPlan[] {
  const home = (flag: string, value: Cidr | IpAddress): Cidr => {
    const found = subnets.find((cidr) => contains(cidr, value));
    if (found !== undefined) return found;
    const there = subnets.length === 0 ? 'no subnet is given' : `the subnets are ${subnets.join(', ')}`;
    throw new InvalidRequestError(`${flag} ${value} is in no subnet of the network: ${there}; give --subnet for it`);
  };
  const placed = <T extends Cidr | IpAddress>(flag: string, values: readonly T[]): ReadonlyMap<Cidr, T> => {
    const bySubnet = new Map<Cidr, T>();
    for (const value of values) {
      const subnet = home(flag, value);
      const other = bySubnet.get(subnet);
      if (other !== undefined) {
        throw new InvalidRequestError(`subnet ${subnet} has ${flag} ${other} and ${value}; give one for each subnet`);
      }
      bySubnet.set(subnet, value);
    }
    return bySubnet;
  };
  const gatewayOf = placed('--gateway', gateways);
  const rangeOf = placed('--ip-range', ranges);
  const names = Object.entries(auxiliary).map(([name, address]) => ({
    name,
    address,
    subnet: home(`--aux-address ${name}`, address),
  }));
  return subnets.map((cidr) => ({
    cidr,
    gateway: gatewayOf.get(cidr),
    range: rangeOf.get(cidr),
    auxiliary: Object.fromEntries(
      names.filter(({ subnet }) => subnet === cidr).map(({ name, address }) => [name, address]),
    ),
  }));
}
