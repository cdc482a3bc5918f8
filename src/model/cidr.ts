import type { Brand } from './brand.js';
import { InvalidRequestError } from './errors.js';
import {
  ADDRESS_BITS,
  bigIntToIp,
  familyOf,
  type IpAddress,
  type IpFamily,
  ipAddressOrUndefined,
  ipToBigInt,
} from './ip-address.js';

/** A network in canonical text, `10.64.0.0/12` or `fd80:c0de::/48`: its host bits are zero. */
export type Cidr = Brand<string, 'Cidr'>;

/** First and last address as numbers: what containment and overlap are decided by. */
interface Span {
  readonly family: IpFamily;
  readonly first: bigint;
  readonly last: bigint;
}

/** @throws InvalidRequestError if it is not `ADDRESS/LENGTH`, or has host bits, which may hide a typing mistake */
export function parseCidr(text: string): Cidr {
  const { address, length } = parseInterfaceAddress(text);
  const cidr = networkOf(address, length);
  if (ipToBigInt(address) === ipToBigInt(firstAddress(cidr))) return cidr;
  throw new InvalidRequestError(`${text} has host bits set: did you mean ${cidr}?`);
}

/** An address with the prefix length of its network, as `10.64.0.7/24`: what Docker writes for interfaces and gateways. */
export function parseInterfaceAddress(text: string): { readonly address: IpAddress; readonly length: number } {
  const slash = text.indexOf('/');
  const address = slash < 0 ? undefined : ipAddressOrUndefined(text.slice(0, slash));
  const lengthText = text.slice(slash + 1);
  if (address !== undefined && /^(0|[1-9]\d{0,2})$/.test(lengthText)) {
    const length = Number(lengthText);
    if (length <= ADDRESS_BITS[familyOf(address)]) return { address, length };
  }
  throw new InvalidRequestError(
    `${JSON.stringify(text.slice(0, 60))} is not a CIDR: write an address and a prefix length, such as 10.64.0.0/16 or fd80:c0de::/64`,
  );
}

/** The network of `length` bits that holds the address. */
export function networkOf(address: IpAddress, length: number): Cidr {
  const family = familyOf(address);
  const hostBits = BigInt(ADDRESS_BITS[family] - length);
  return `${bigIntToIp(family, (ipToBigInt(address) >> hostBits) << hostBits)}/${length}` as Cidr;
}

/** The network that is this one address: /32 or /128. */
export const hostCidr = (address: IpAddress): Cidr => `${address}/${ADDRESS_BITS[familyOf(address)]}` as Cidr;

export const prefixLengthOf = (cidr: Cidr): number => Number(cidr.slice(cidr.indexOf('/') + 1));
export const firstAddress = (cidr: Cidr): IpAddress => cidr.slice(0, cidr.indexOf('/')) as IpAddress;
export const lastAddress = (cidr: Cidr): IpAddress => bigIntToIp(familyOf(cidr), spanOf(cidr).last);

/** How many addresses it has, network and broadcast address included. */
export const sizeOf = (cidr: Cidr): bigint => 1n << BigInt(ADDRESS_BITS[familyOf(cidr)] - prefixLengthOf(cidr));

/** Families that differ never contain one another. */
export function contains(outer: Cidr, inner: Cidr | IpAddress): boolean {
  if (familyOf(outer) !== familyOf(inner)) return false;
  const a = spanOf(outer);
  const b = spanOf(inner);
  return a.first <= b.first && b.last <= a.last;
}

export function overlaps(one: Cidr, other: Cidr): boolean {
  return contains(one, other) || contains(other, one);
}

/** The address `ordinal` places after the first. @param ordinal 0 <= ordinal < sizeOf(cidr) */
export const addressAt = (cidr: Cidr, ordinal: number | bigint): IpAddress =>
  bigIntToIp(familyOf(cidr), spanOf(cidr).first + BigInt(ordinal));

/** The address's place in the network, from 0; the address must lie in it. */
export const ordinalOf = (cidr: Cidr, address: IpAddress): number => Number(ipToBigInt(address) - spanOf(cidr).first);

/** The networks of `length` bits that `cidr` consists of, ascending. Lazy: a /8 has 262,144 of /26. */
export function* subnetsOf(cidr: Cidr, length: number): Generator<Cidr> {
  const { family, first, last } = spanOf(cidr);
  const step = 1n << BigInt(ADDRESS_BITS[family] - length);
  for (let value = first; value <= last; value += step) yield `${bigIntToIp(family, value)}/${length}` as Cidr;
}

/** `10.64.0.0-12`, `fd80:c0de::-48`: a CIDR as one part of a datastore key. */
export const cidrKey = (cidr: Cidr): string => cidr.replace('/', '-');

/** The same few networks are asked about all the time. */
const SPANS = new Map<string, Span>();
const MAX_SPANS = 4_096;

function spanOf(text: Cidr | IpAddress): Span {
  const known = SPANS.get(text);
  if (known !== undefined) return known;
  const span = computeSpan(text);
  if (SPANS.size >= MAX_SPANS) SPANS.clear();
  if (text.includes('/')) SPANS.set(text, span);
  return span;
}

function computeSpan(text: Cidr | IpAddress): Span {
  const family = familyOf(text);
  const slash = text.indexOf('/');
  const first = ipToBigInt((slash < 0 ? text : text.slice(0, slash)) as IpAddress);
  const length = slash < 0 ? ADDRESS_BITS[family] : Number(text.slice(slash + 1));
  return { family, first, last: first + (1n << BigInt(ADDRESS_BITS[family] - length)) - 1n };
}
