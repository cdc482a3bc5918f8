import { type Cidr, prefixLengthOf } from '../../src/model/cidr.js';
import { HOST_INTERFACE_PREFIX } from '../../src/model/ids.js';
import { ADDRESS_BITS, familyOf, type IpFamily } from '../../src/model/ip-address.js';
import { ROUTE_PROTOCOL } from '../../src/model/route.js';

/** Which addresses are the cluster's, and which of them this node has. */
export interface RoutedAddresses {
  readonly pools: readonly Cidr[];
  /** Pools whose packets travel encapsulated between nodes: other routes than these lead there. */
  readonly encapsulatedPools: readonly Cidr[];
  readonly ownBlocks: readonly Cidr[];
}

/** As any host side of ours: its name has always this length. */
const HOST_INTERFACE_PATTERN = HOST_INTERFACE_PREFIX + '?'.repeat(11);

/** Preference of what this node itself has, above BIRD's 100 for what peers say: nobody takes our own addresses from us. */
const OWN_PREFERENCE = 200;

/** MED of routes that this node only passes on: a router that hears of a block from its own node prefers that. */
const PASSED_ON_MED = 100;

/**
 * The filters of one family, in BIRD's language:
 *
 * - `own`: this node's blocks, and its endpoints with addresses from others' blocks. Nothing else of the host ever passes.
 * - `from_bgp`: what peers may tell us: routes within the pools.
 * - `to_nodes`, `to_border`, `to_all`: what we tell others; see `exportFilter`.
 * - `from_kernel`: everything, so that next hops are found; never another text. BIRD 2.0 forgets the network of a route
 *   that this filter refuses, and on the filter's next change takes another network, of anybody's, for that route's.
 * - `to_kernel`: what peers told, but for encapsulated pools.
 */
export function birdFilters(family: IpFamily, addresses: RoutedAddresses): string {
  const of = (cidrs: readonly Cidr[]) => cidrs.filter((cidr) => familyOf(cidr) === family).sort();
  const inPools = within(of(addresses.pools));
  const bits = ADDRESS_BITS[family];
  const ownBlocks = of(addresses.ownBlocks).filter((cidr) => prefixLengthOf(cidr) < bits);
  return `
function own${family}() {
  if source != RTS_INHERIT || krt_source != ${ROUTE_PROTOCOL} || !(${inPools}) then return false;
  if dest = RTD_BLACKHOLE then return true;
  return net.len = ${bits} && ifname ~ "${HOST_INTERFACE_PATTERN}" && !(${inside(ownBlocks, bits)});
}
filter from_bgp${family} {
  if ${inPools} then accept;
  reject;
}
filter to_nodes${family} {
  if own${family}() || (source = RTS_BGP && proto ~ "node_*" && ${inPools}) then accept;
  reject;
}
filter to_border${family} {
  if own${family}() then accept;
  if source = RTS_BGP && ${inPools} then { bgp_med = ${PASSED_ON_MED}; accept; }
  reject;
}
filter to_all${family} {
  if own${family}() || (source = RTS_BGP && ${inPools}) then accept;
  reject;
}
filter from_kernel${family} {
  if krt_source = ${ROUTE_PROTOCOL} && (dest = RTD_BLACKHOLE || (net.len = ${bits} && ifname ~ "${HOST_INTERFACE_PATTERN}"))
    then preference = ${OWN_PREFERENCE};
  accept;
}
filter to_kernel${family} {
  if source = RTS_BGP && !(${within(of(addresses.encapsulatedPools))}) then accept;
  reject;
}
`;
}

/** The prefixes and all that lie in them. BIRD has no empty set. */
const within = (cidrs: readonly Cidr[]): string =>
  cidrs.length === 0 ? 'false' : `net ~ [ ${cidrs.map((cidr) => `${cidr}+`).join(', ')} ]`;

/** What lies in them without being one of them. */
const inside = (cidrs: readonly Cidr[], bits: number): string =>
  cidrs.length === 0
    ? 'false'
    : `net ~ [ ${cidrs.map((cidr) => `${cidr}{${prefixLengthOf(cidr) + 1},${bits}}`).join(', ')} ]`;
