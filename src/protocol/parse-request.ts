import { z } from 'zod';
import { type Cidr, networkOf, parseCidr, parseInterfaceAddress } from '../model/cidr.js';
import { InvalidRequestError } from '../model/errors.js';
import { familyOf, type IpAddress, type IpFamily, parseIpAddress } from '../model/ip-address.js';
import { issueText, parsed } from '../model/record.js';

/**
 * Unknown fields pass: engines of later versions send more.
 *
 * @param flags the user's flag by the field that Docker repeats it in: what is wrong there is the user's move
 * @throws InvalidRequestError naming the flag, or method and field
 */
export function parseRequest<T>(
  method: string,
  schema: z.ZodType<T>,
  body: unknown,
  flags: ReadonlyMap<string, string> = new Map(),
): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const [first] = result.error.issues;
  const flag = first && first.code === 'custom' ? flags.get(first.path.join('.')) : undefined;
  if (first !== undefined && flag !== undefined) throw new InvalidRequestError(`${flag}: ${first.message}`);
  const problems = result.error.issues.slice(0, 3).map((issue) => {
    const field = issue.path.join('.').slice(0, 100);
    return field === '' ? issue.message : `field "${field}": ${issueText(issue.message)}`;
  });
  throw new InvalidRequestError(
    `the request ${method} cannot be read: ${problems.join('; ')}; Docker's plugin protocol is expected here`,
  );
}

export interface InterfaceAddress {
  readonly address: IpAddress;
  /** Bits of the prefix that Docker sets the address with. */
  readonly length: number;
}

/** Docker writes an absent value in three ways: it leaves the field out, or writes `""`, or Go's `null`. */
export const optional = <T>(schema: z.ZodType<T>): z.ZodType<T | undefined> =>
  z
    .unknown()
    .optional()
    .transform((value, context) => {
      if (value === undefined || value === null || value === '') return undefined;
      const result = schema.safeParse(value);
      if (result.success) return result.data;
      for (const { message, path } of result.error.issues) context.addIssue({ code: 'custom', message, path });
      return z.NEVER;
    }) as unknown as z.ZodType<T | undefined>;
/** Absent and Go's `null` are empty. */
export const listOf = <T>(schema: z.ZodType<T>): z.ZodType<readonly T[]> =>
  z
    .array(schema)
    .nullish()
    .transform((list) => list ?? []) as unknown as z.ZodType<readonly T[]>;
/** Absent and Go's `null` are empty. */
export const mapOf = <T>(schema: z.ZodType<T>): z.ZodType<Readonly<Record<string, T>>> =>
  z
    .record(z.string(), schema)
    .nullish()
    .transform((map) => map ?? {}) as unknown as z.ZodType<Readonly<Record<string, T>>>;

export const ipAddress: z.ZodType<IpAddress> = parsed(parseIpAddress);
export const cidr: z.ZodType<Cidr> = parsed(parseCidr);
/** A network as Docker keeps it: host bits, if any, do not count. */
export const looseCidr: z.ZodType<Cidr> = parsed((text) => {
  const { address, length } = parseInterfaceAddress(text);
  return networkOf(address, length);
});
export const interfaceAddress = (family: IpFamily): z.ZodType<InterfaceAddress> =>
  parsed((text) => {
    const value = parseInterfaceAddress(text);
    if (familyOf(value.address) === family) return value;
    throw new InvalidRequestError(`${text} is not an IPv${family} address`);
  });
/** Of either family: gateways and reserved addresses, whose prefix length is whatever IPAM wrote. */
export const looseInterfaceAddress: z.ZodType<InterfaceAddress> = parsed(parseInterfaceAddress);
