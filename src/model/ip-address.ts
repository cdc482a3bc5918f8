import { Address6 } from 'ip-address';
import type { Brand } from './brand.js';
import { InvalidRequestError } from './errors.js';

export type IpFamily = 4 | 6;

/** An address in its canonical text (RFC 5952 for IPv6), without prefix or zone: equal addresses are equal strings. */
export type IpAddress = Brand<string, 'IpAddress'>;

/** Bits in an address of each family. */
export const ADDRESS_BITS: Readonly<Record<IpFamily, 32 | 128>> = { 4: 32, 6: 128 };

// Some programs read 010.0.0.1 as octal, so it is nobody's address here.
const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const DOTTED = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);

/** The canonical address, or undefined: for choosing between readings. `parseIpAddress` explains instead. */
export function ipAddressOrUndefined(text: string): IpAddress | undefined {
  if (text.length > 45) return undefined;
  if (text.includes(':')) {
    if (/[%/[\]\s]/.test(text) || !Address6.isValid(text)) return undefined;
    return new Address6(text).correctForm() as IpAddress;
  }
  return DOTTED.test(text) ? (text as IpAddress) : undefined;
}

/** @throws InvalidRequestError if the text is not an IPv4 or IPv6 address without prefix */
export function parseIpAddress(text: string): IpAddress {
  const address = ipAddressOrUndefined(text);
  if (address !== undefined) return address;
  throw new InvalidRequestError(
    `${JSON.stringify(text.slice(0, 60))} is not an IP address: write it as 10.64.0.7 or fd80:c0de::7, without a prefix length`,
  );
}

/** Of a text that is known to be an address or a CIDR. */
export const familyOf = (address: string): IpFamily => (address.includes(':') ? 6 : 4);

/** The address as one number, its first octet the most significant. */
export function ipToBigInt(address: IpAddress): bigint {
  if (familyOf(address) === 6) return new Address6(address).bigInt();
  let value = 0;
  for (const octet of address.split('.')) value = value * 256 + Number(octet);
  return BigInt(value);
}

/** @param value 0 <= value < 2^bits of the family */
export function bigIntToIp(family: IpFamily, value: bigint): IpAddress {
  if (family === 6) return Address6.fromBigInt(value).correctForm() as IpAddress;
  const n = Number(value);
  return [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255].join('.') as IpAddress;
}
