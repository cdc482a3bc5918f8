import { type Cidr, parseCidr } from '../model/cidr.js';
import { InvalidRequestError } from '../model/errors.js';
import { familyOf, type IpAddress, type IpFamily, parseIpAddress } from '../model/ip-address.js';

/** How one kind of setting is written, read and printed. Flags, environment and file all come to `parse` as text. */
export interface ValueType<T> {
  /** What may be written, for tables and help: `embedded`, `seconds`, `path`. */
  readonly label: string;
  /** @throws InvalidRequestError saying what may be written instead */
  parse(text: string): T;
  /** The text that `parse` gives the same value for. */
  format(value: T): string;
  /** A YAML sequence may stand for the comma list. */
  readonly list?: true;
}

/** Longest path in bytes: PATH_MAX (4096) less the final NUL. */
const MAX_PATH = 4_095;
const MAX_TEXT = 1_024;

export const text: ValueType<string> = {
  label: 'text',
  parse: (value) =>
    value.trim() === '' ? refuse('it is empty', 'write a value or leave it out') : plain(value, MAX_TEXT),
  format: (value) => value,
};

/** Absolute, so that it means the same whatever directory the daemon was started from. */
export const path: ValueType<string> = {
  label: 'path',
  parse: (value) =>
    value.startsWith('/') ? plain(value, MAX_PATH) : refuse('it is not an absolute path', 'begin it with /'),
  format: (value) => value,
};

export const flag: ValueType<boolean> = {
  label: 'true, false',
  parse: (value) => {
    if (['true', 'yes', 'on', '1'].includes(value.toLowerCase())) return true;
    if (['false', 'no', 'off', '0'].includes(value.toLowerCase())) return false;
    return refuse('it is neither true nor false', 'write one of them');
  },
  format: String,
};

export function choice<const T extends string>(...values: readonly T[]): ValueType<T> {
  return {
    label: values.join(', '),
    parse: (value) =>
      values.find((v) => v === value) ?? refuse('there is no such choice', `write one of ${values.join(', ')}`),
    format: (value) => value,
  };
}

/** A choice of which some values are planned but do nothing yet: those are refused with the reason, not ignored. */
export function choiceSoFar<const T extends string>(
  values: readonly T[],
  missing: Readonly<Record<string, string>>,
): ValueType<T> {
  const known = choice(...values);
  return {
    ...known,
    parse: (value) => {
      const reason = Object.hasOwn(missing, value) ? missing[value] : undefined;
      return reason === undefined ? known.parse(value) : refuse(reason, `write ${values.join(' or ')}`);
    },
  };
}

/** @param unit what is counted, for the table: `seconds` */
export function integer(unit: string, first: number, last: number): ValueType<number> {
  return {
    label: `${unit}, ${first} to ${last}`,
    parse: (value) => {
      const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
      if (number >= first && number <= last) return number;
      return refuse('it is not such a number', `write a whole number from ${first} to ${last} (${unit})`);
    },
    format: String,
  };
}

/** `word`, or what the inner type takes. The word becomes `undefined`. */
export function or<T>(word: string, inner: ValueType<T>): ValueType<T | undefined> {
  return {
    label: `${word}, or ${inner.label}`,
    parse: (value) => (value === word ? undefined : inner.parse(value)),
    format: (value) => (value === undefined ? word : inner.format(value)),
  };
}

export const address = (family: IpFamily): ValueType<IpAddress> => ({
  label: `IPv${family} address`,
  parse: (value) => {
    const parsed = parseIpAddress(value);
    return familyOf(parsed) === family ? parsed : refuse('it is of the other family', `write an IPv${family} address`);
  },
  format: (value) => value,
});

export const network = (family: IpFamily): ValueType<Cidr> => ({
  label: `IPv${family} CIDR`,
  parse: (value) => {
    const parsed = parseCidr(value);
    return familyOf(parsed) === family ? parsed : refuse('it is of the other family', `write an IPv${family} CIDR`);
  },
  format: (value) => value,
});

/** Comma list of URLs without user or password in them: those have keys of their own, and URLs end up in logs. */
export const urls: ValueType<readonly string[]> = {
  label: 'comma list of http(s)://HOST:PORT',
  list: true,
  parse: (value) => value.split(',').map((part) => endpointUrl(part.trim())),
  format: (value) => value.join(','),
};

function endpointUrl(value: string): string {
  if (!URL.canParse(value) || !/^https?:\/\//.test(value)) {
    return refuse('it has an entry that is not a URL', 'write each as https://10.0.0.1:2379, joined by commas');
  }
  const url = new URL(value);
  if (url.username !== '' || url.password !== '') {
    return refuse('it holds a user name', 'use etcd.username and etcd.passwordFile, and take them out of the URL');
  }
  return url.origin;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:9465`, `[::1]:9465`, `:9465` for every address. */
export const listen: ValueType<ListenAddress> = {
  label: 'ADDRESS:PORT',
  parse: (value) => {
    const match = /^(?:\[([0-9a-fA-F:]+)\]|([0-9.]*)):(\d{1,5})$/.exec(value);
    const port = Number(match?.[3]);
    if (match === null || port < 1 || port > 65_535) {
      return refuse('it is not an address and port', 'write it as 127.0.0.1:9465 or [::1]:9465');
    }
    const host = match[1] ?? match[2] ?? '';
    return { host: host === '' ? '::' : parseIpAddress(host), port };
  },
  format: ({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`),
};

export function refuse(why: string, remedy: string): never {
  throw new InvalidRequestError(`${why}; ${remedy}`);
}

function plain(value: string, maxBytes: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\0-\x1f\x7f]/.test(value)) return refuse('it holds a control character', 'write it without');
  return Buffer.byteLength(value) > maxBytes
    ? refuse(`it is longer than ${maxBytes} bytes`, 'write a shorter one')
    : value;
}
