import { z } from 'zod';
import { CorduroyError, CorruptRecordError } from './errors.js';

/** Changes when a reader of the present form could no longer understand what is written. */
const VERSION = 1;
const API_VERSION = `corduroy/v${VERSION}`;
const KEY_ROOT = '/corduroy/v1';

/**
 * One kind of stored record: where it lives, and how its text becomes a value and back.
 *
 * Text is JSON with `apiVersion` and `kind` first. Unknown fields of a newer writer are dropped on reading.
 */
export interface RecordKind<T> {
  readonly kind: string;
  /** `/corduroy/v1/<kind>/`, ending in a slash. */
  readonly prefix: string;
  /** Key of the record with these names, which may not contain a slash. */
  key(...names: readonly string[]): string;
  encode(value: T): string;
  /** @throws CorruptRecordError naming key and field */
  decode(key: string, text: string): T;
  /** The value that this text was made of here a short time ago. */
  written(text: string): T | undefined;
}

/**
 * @param schema zod schema of the value; transforms may turn texts into branded values, `toStored` undoes them
 * @param usual reads what the schema would read, in a fraction of the time; undefined: the schema decides
 */
export function defineRecord<T>(
  kind: string,
  schema: z.ZodType<T>,
  {
    toStored = (value) => value as object,
    usual = () => undefined,
  }: { readonly toStored?: (value: T) => object; readonly usual?: (json: StoredFields) => T | undefined } = {},
): RecordKind<T> {
  const prefix = `${KEY_ROOT}/${kind.toLowerCase()}/`;
  // Made once: making a schema takes longer than decoding a record with it.
  const form = { header: z.object({ apiVersion: z.literal(API_VERSION), kind: z.literal(kind) }), kind, schema, usual };
  // Several tables read the same record, one after the other.
  let last: { readonly key: string; readonly text: string; readonly value: T } | undefined;
  const written = new Written<T>();
  return {
    kind,
    prefix,
    key: (...names) => prefix + names.join('/'),
    encode: (value) => {
      const text = JSON.stringify({ apiVersion: API_VERSION, kind, ...toStored(value) });
      written.add(text, value);
      return text;
    },
    decode: (key, text) => {
      if (last?.key !== key || last.text !== text) last = { key, text, value: decodeRecord(key, form, text) };
      return last.value;
    },
    written: (text) => written.get(text),
  };
}

/** Most values remembered by the text they were made into: more than transactions under way can write. */
const MAX_WRITTEN = 64;

/** Values whose texts are on their way to the store: its news of them need not be read again. */
class Written<T> {
  readonly #values = new Map<string, T>();

  add(text: string, value: T): void {
    this.#values.set(text, value);
    if (this.#values.size <= MAX_WRITTEN) return;
    const [oldest] = this.#values.keys();
    if (oldest !== undefined) this.#values.delete(oldest);
  }

  get(text: string): T | undefined {
    // Whoever has written nothing need not hash texts of a kilobyte.
    return this.#values.size === 0 ? undefined : this.#values.get(text);
  }
}

/** What stands in a record, unchecked. */
export type StoredFields = Readonly<Record<string, unknown>>;

interface RecordForm<T> {
  readonly header: z.ZodType;
  readonly kind: string;
  readonly schema: z.ZodType<T>;
  readonly usual: (json: StoredFields) => T | undefined;
}

function decodeRecord<T>(key: string, { header, kind, schema, usual }: RecordForm<T>, text: string): T {
  const json = parseJson(key, text);
  if (isOfKind(json, kind)) {
    const value = usual(json);
    if (value !== undefined) return value;
  } else {
    refuseNewer(key, json);
    const outcome = header.safeParse(json);
    if (!outcome.success) throw new CorruptRecordError(key, describeIssues(outcome.error));
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  throw new CorruptRecordError(key, describeIssues(result.error));
}

function isOfKind(json: unknown, wanted: string): json is StoredFields {
  if (typeof json !== 'object' || json === null) return false;
  const { apiVersion, kind } = json as StoredFields;
  return apiVersion === API_VERSION && kind === wanted;
}

/** What all keys of the record's kind begin with: the `prefix` of its RecordKind. */
export const kindPrefixOf = (key: string): string => key.slice(0, key.indexOf('/', KEY_ROOT.length + 1) + 1);

/** The form of a record that a newer program wrote, such as `corduroy/v2`; undefined for any other text. */
export function newerFormOf(text: string): string | undefined {
  try {
    return newerForm(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function newerForm(json: unknown): string | undefined {
  const apiVersion = (json as { readonly apiVersion?: unknown } | null)?.apiVersion;
  if (typeof apiVersion !== 'string' || apiVersion === API_VERSION) return undefined;
  const version = Number(/^corduroy\/v(\d+)$/.exec(apiVersion)?.[1]);
  return version > VERSION ? apiVersion : undefined;
}

/** What a newer program wrote is not broken: it is for this one to be upgraded, not for the record to be changed. */
function refuseNewer(key: string, json: unknown): void {
  const apiVersion = newerForm(json);
  if (apiVersion === undefined) return;
  throw new CorruptRecordError(key, `field "apiVersion": a newer version of corduroy wrote it (${apiVersion})`, {
    remedy: 'upgrade this daemon again, and leave the record as it is',
  });
}

function parseJson(key: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CorruptRecordError(key, `it is not JSON (${text.length} characters)`, { cause });
  }
}

/** zod's words, for people who do not know JavaScript. */
export const issueText = (message: string): string =>
  message.replace(/^Invalid input: expected (\w+), received undefined$/, 'it is missing (expected $1)');

/** Each problem as `field: what is wrong`, joined by `; `. @param whole begins one that is about no field */
export const describeIssues = (error: z.ZodError, whole = 'the record: '): string =>
  error.issues
    .map(({ path, message }) => {
      const subject = path.length === 0 ? whole : `field "${path.join('.').slice(0, 100)}": `;
      return subject + issueText(message);
    })
    .join('; ');

/** A zod string passed through one of our parsers, whose complaint becomes the issue's message. */
export function parsed<T>(parse: (text: string) => T): z.ZodType<T> {
  return z.string().transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof CorduroyError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
      return z.NEVER;
    }
  }) as unknown as z.ZodType<T>;
}
