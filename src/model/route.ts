import type { Cidr } from './cidr.js';
import type { InterfaceName } from './ids.js';
import type { IpAddress } from './ip-address.js';
import type { MacAddress } from './mac-address.js';

/** The routing protocol number that our routes bear (rtnetlink's `rtm_protocol`): what has it is ours. */
export const ROUTE_PROTOCOL = 80;

/**
 * Metric of our routes to other nodes: they are preferred to what a routing daemon learned, and never take the
 * place of a route that somebody wrote without one.
 */
export const VIA_METRIC = 16;

/**
 * A route of ours in the main table: to an endpoint by its host side, into nothing for a block's unassigned addresses,
 * or to what another node holds.
 */
export type Route =
  | { readonly kind: 'link'; readonly destination: Cidr; readonly interfaceName: InterfaceName }
  | { readonly kind: 'blackhole'; readonly destination: Cidr }
  /** The gateway is on the link, whatever the link's own addresses are; it may be of the other family. */
  | {
      readonly kind: 'via';
      readonly destination: Cidr;
      readonly gateway: IpAddress;
      readonly interfaceName: InterfaceName;
      /** Of what the host itself sends there; absent: as the kernel chooses. */
      readonly source?: IpAddress | undefined;
    };

/** An address of the host, alone on its link: it makes no network reachable there. */
export interface LinkAddress {
  readonly address: IpAddress;
  readonly interfaceName: InterfaceName;
}

/** An address that always has this MAC on this link: never asked for, never learned, never forgotten. */
export interface PermanentNeighbour {
  readonly address: IpAddress;
  readonly mac: MacAddress;
  readonly interfaceName: InterfaceName;
}

/**
 * Metrics of the routes that our routing daemon writes. They tell them from those of another one on the same host, and
 * stand behind IPv6's usual 1024, so that what is on this host is always reached directly. Each start of the daemon takes
 * one that is not in the kernel, so that it cannot mistake its predecessor's routes for its own and remove them.
 */
export const LEARNED_ROUTE_METRICS: readonly number[] = [2_080, 2_081, 2_082, 2_083];
