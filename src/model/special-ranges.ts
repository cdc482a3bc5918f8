import { type Cidr, overlaps } from './cidr.js';

/** Addresses that no container can have, because kernels treat them in a way of their own, or we do. */
const SPECIAL_RANGES: readonly { readonly cidr: Cidr; readonly use: string }[] = [
  { cidr: '0.0.0.0/8' as Cidr, use: 'means "this network"' },
  { cidr: '127.0.0.0/8' as Cidr, use: 'is for loopback' },
  { cidr: '169.254.0.0/16' as Cidr, use: "is link-local, and has the containers' gateways" },
  { cidr: '224.0.0.0/4' as Cidr, use: 'is for multicast' },
  { cidr: '255.255.255.255/32' as Cidr, use: 'is the broadcast address' },
  { cidr: '::/8' as Cidr, use: 'has the loopback and the IPv4-mapped addresses' },
  { cidr: 'fe80::/10' as Cidr, use: "is link-local, and has the containers' gateways" },
  { cidr: 'ff00::/8' as Cidr, use: 'is for multicast' },
];

/** Why containers cannot have addresses of this network, as `127.0.0.0/8 is for loopback`; undefined: they can. */
export function whyNotForContainers(cidr: Cidr): string | undefined {
  const special = SPECIAL_RANGES.find((range) => overlaps(range.cidr, cidr));
  return special && `${special.cidr} ${special.use}`;
}
