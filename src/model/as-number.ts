import { z } from 'zod';
import { InvalidRequestError } from './errors.js';

/** Of a node to whom nobody gave one, while the cluster's default is not changed: private (RFC 6996). */
export const DEFAULT_AS_NUMBER = 64_512;
export const MAX_AS_NUMBER = 4_294_967_295;

/** 1 to 4294967295: two or four bytes. */
export const asNumberSchema = z.int().min(1).max(MAX_AS_NUMBER);

/**
 * Both notations of RFC 5396: `65010`, and `1.10` for 65546.
 *
 * @throws InvalidRequestError
 */
export function parseAsNumber(text: string): number {
  const [, high = '0', low = ''] = /^(?:(\d{1,5})\.)?(\d{1,10})$/.exec(text) ?? [];
  const dotted = text.includes('.');
  const value = Number(high) * 65_536 + Number(low);
  const fits = low !== '' && (!dotted || (Number(high) <= 65_535 && Number(low) <= 65_535));
  if (fits && asNumberSchema.safeParse(value).success) return value;
  throw new InvalidRequestError(
    `${JSON.stringify(text.slice(0, 40))} is not an AS number: write 1 to ${MAX_AS_NUMBER}, or HIGH.LOW for one of four bytes`,
  );
}
