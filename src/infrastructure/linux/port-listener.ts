import { networkInterfaces } from 'node:os';
import { familyOf, type IpAddress, parseIpAddress } from '../../model/ip-address.js';

/** `::` without `ipv6Only` is every address of both families. */
export interface ListenPlace {
  readonly host: string;
  readonly port: number;
  readonly ipv6Only: boolean;
}

/** Where a listener passes things on to. */
export interface ListenerTarget {
  /** At most one of each family; never empty. */
  readonly addresses: readonly IpAddress[];
  readonly port: number;
}

/** A bound port of the host. Until it has a target, and to anyone but the host itself, it answers nothing. */
export interface PortListener {
  serve(target: ListenerTarget | undefined): void;
  /** Ends what it passes on, too. Resolves when the port is free. */
  close(): Promise<void>;
}

/** `127.0.0.1` for `::ffff:127.0.0.1`, as sockets of both families write it. */
export const plainAddress = (text: string): string => text.replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, '');

/** Loopback addresses: the kernel lets no packet with one in from outside. */
export const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.');

/** An address of this host. A packet from outside that bears one is dropped by the kernel as martian. */
export const isOwnAddress = (address: string): boolean =>
  isLoopback(address) ||
  Object.values(networkInterfaces()).some((list) => list?.some((own) => plainAddress(own.address) === address));

/** The container's address of the client's family, or its only one. */
export function addressFor(client: string, { addresses }: ListenerTarget): IpAddress {
  const family = familyOf(client);
  return addresses.find((address) => familyOf(address) === family) ?? addresses[0] ?? parseIpAddress(client);
}
