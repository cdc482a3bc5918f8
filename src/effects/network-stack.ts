import type { Cidr } from '../model/cidr.js';
import type { HostNetwork } from '../model/host-network.js';
import type { InterfaceName } from '../model/ids.js';
import type { IpFamily } from '../model/ip-address.js';
import type { Link } from '../model/link.js';
import type { MacAddress } from '../model/mac-address.js';
import type { LinkAddress, PermanentNeighbour, Route } from '../model/route.js';
import type { Forwarding, TunnelDevice } from '../model/tunnel.js';

/** One change to links, routes or neighbours. All but `addVeth` and `addTunnel` may be repeated without harm. */
export type NetworkCommand =
  | {
      readonly kind: 'addVeth';
      readonly hostEnd: InterfaceName;
      readonly hostMac: MacAddress;
      readonly containerEnd: InterfaceName;
      readonly containerMac: MacAddress;
      readonly mtu: number;
    }
  | { readonly kind: 'setUp' | 'setDown'; readonly link: InterfaceName }
  /** The link-local address that it gets when it comes up follows from its MAC address. Only where there is IPv6. */
  | { readonly kind: 'setEui64'; readonly link: InterfaceName }
  | { readonly kind: 'setMac'; readonly link: InterfaceName; readonly mac: MacAddress }
  | { readonly kind: 'putRoute' | 'removeRoute'; readonly route: Route }
  | { readonly kind: 'putNeighbour' | 'removeNeighbour'; readonly neighbour: PermanentNeighbour }
  /** Down, and without address. */
  | { readonly kind: 'addTunnel'; readonly device: TunnelDevice }
  | { readonly kind: 'removeTunnel'; readonly link: InterfaceName }
  /** The kernel takes it as the source of nothing but routes that name it. */
  | { readonly kind: 'putAddress' | 'removeAddress'; readonly address: LinkAddress }
  | { readonly kind: 'setMtu'; readonly link: InterfaceName; readonly mtu: number }
  | { readonly kind: 'putForwarding' | 'removeForwarding'; readonly forwarding: Forwarding };

/** A tunnel of ours as the kernel tells it. */
export interface ReadTunnel extends TunnelDevice {
  readonly up: boolean;
  /** Made as we make them. */
  readonly sound: boolean;
}

/** Links, routes and neighbours of one network namespace. */
export interface NetworkStack {
  /**
   * Carries the commands out in order, forwardings after all others; one that fails does not stop those after it.
   *
   * @throws KernelError naming every command that failed, once all were tried
   */
  apply(commands: readonly NetworkCommand[]): Promise<void>;
  links(): Promise<readonly Link[]>;
  /** Routes that bear our protocol number, in the main table. */
  ourRoutes(): Promise<readonly Route[]>;
  permanentNeighbours(): Promise<readonly PermanentNeighbour[]>;
  /** Links with the names and of the kinds of our tunnels. */
  tunnels(): Promise<readonly ReadTunnel[]>;
  /** Addresses that stand alone on a tunnel of ours, but for IPv6's link-local ones. */
  tunnelAddresses(link: InterfaceName): Promise<readonly LinkAddress[]>;
  /** Of one VXLAN device. */
  forwardings(link: InterfaceName): Promise<readonly Forwarding[]>;
  /** The networks that this host is on by itself, by links that are up, with carrier or without. */
  hostNetworks(): Promise<readonly HostNetwork[]>;
  /**
   * Takes links down at once and resolves then; they are deleted in the background, many in one kernel operation.
   * A link that is not there is a success.
   */
  retire(links: readonly InterfaceName[]): Promise<void>;
  /** Resolves when no retired link is left. */
  retired(): Promise<void>;
  /** Told of each link, route or neighbour change that others or we made, as soon as the kernel tells. */
  watch(listener: (change: NetworkStackChange) => void): { close(): void };
}

/** What others or we changed in the kernel, as far as the data plane cares. */
export type NetworkStackChange =
  | { readonly kind: 'linkRemoved'; readonly link: InterfaceName }
  | { readonly kind: 'linkDown' | 'linkUp'; readonly link: InterfaceName }
  /** `link`: where it led; absent: into nothing. */
  | {
      readonly kind: 'routeRemoved';
      readonly family: IpFamily;
      readonly destination: Cidr;
      readonly link?: InterfaceName | undefined;
    }
  /**
   * A link that is no container's, or an address of it: what `hostNetworks` tells may be another now. Routes by a link
   * that went down, or lost its last address, are gone without further word.
   */
  | { readonly kind: 'hostNetworks'; readonly link: InterfaceName }
  /** Changes may have been missed. */
  | { readonly kind: 'unknown' };
