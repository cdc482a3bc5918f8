import { InvalidRequestError } from '../model/errors.js';
import { type ConfigValues, type LoadedConfig, nestEtcd } from './corduroy-config.js';
import {
  CONFIG_KEYS,
  CONFIG_NAMES,
  type ConfigKey,
  type ConfigName,
  ENVIRONMENT_PREFIX,
  environmentOf,
  flagOf,
} from './keys.js';
import { CONFIG_FILE_VARIABLE } from './locations.js';
import { nearestWord } from './nearest-word.js';

/** What was said, by whom: flags win over the environment, that over the file. */
export interface ConfigInput {
  /** By key name, as typed after the flag. */
  readonly flags: ReadonlyMap<ConfigName, string>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly file: { readonly path: string; readonly settings: ReadonlyMap<string, string> } | undefined;
  /** The default of `nodeName`. */
  readonly hostName: string;
}

interface Given {
  readonly text: string;
  /** `flag --mtu`, for people. */
  readonly from: string;
}

/**
 * Flags over environment over file over defaults. Pure: what was read comes in as values.
 *
 * @throws InvalidRequestError naming the key, where its value came from, and the remedy
 */
export function resolveConfig(input: ConfigInput): LoadedConfig {
  refuseUnknown(input);
  const values: Record<string, unknown> = {};
  const sources = {} as Record<ConfigName, string>;
  for (const name of CONFIG_NAMES) {
    const given = find(name, input);
    values[name] = given === undefined ? undefined : parseGiven(name, given);
    sources[name] = given?.from ?? 'default';
  }
  // One host alone has nobody to tell.
  values['routeDistribution'] ??= values['datastore'] === 'etcd' ? 'bgp' : 'none';
  const complete = values as unknown as ConfigValues;
  refuseContradictions(complete);
  return { config: nestEtcd(complete), values: complete, sources };
}

function find(name: ConfigName, { flags, environment, file, hostName }: ConfigInput): Given | undefined {
  const flag = flags.get(name);
  if (flag !== undefined) return { text: flag, from: `flag ${flagOf(name)}` };
  const variable = environment[environmentOf(name)];
  // A managed plugin's variables are all there, empty until somebody sets them.
  if (variable !== undefined && variable !== '') return { text: variable, from: `environment ${environmentOf(name)}` };
  const setting = file?.settings.get(name);
  if (setting !== undefined) return { text: setting, from: `file ${file?.path}` };
  const fallback = name === 'nodeName' ? hostName : CONFIG_KEYS[name].default;
  return fallback === undefined ? undefined : { text: fallback, from: 'default' };
}

function parseGiven(name: ConfigName, { text, from }: Given): unknown {
  const { type }: ConfigKey<unknown> = CONFIG_KEYS[name];
  try {
    return type.parse(text);
  } catch (error) {
    if (!(error instanceof InvalidRequestError)) throw error;
    throw new InvalidRequestError(
      `cannot use ${JSON.stringify(beginning(withoutPassword(text)))} for ${name} (${from}): ${error.message}`,
    );
  }
}

/** A URL's `user:password@` may be anywhere in a list. */
const withoutPassword = (text: string): string => text.replace(/\/\/[^/,]*@/g, '//***@');

/** Enough to find it by. */
const beginning = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}...` : text);

function refuseUnknown({ environment, file }: ConfigInput): void {
  const variables = [...CONFIG_NAMES.map(environmentOf), CONFIG_FILE_VARIABLE];
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith(ENVIRONMENT_PREFIX) || value === undefined || variables.includes(name)) continue;
    refuseName('environment variable', name, 'the environment', variables, ENVIRONMENT_PREFIX);
  }
  for (const name of file?.settings.keys() ?? []) {
    if (!Object.hasOwn(CONFIG_KEYS, name)) refuseName('key', name, `file ${file?.path}`, CONFIG_NAMES);
  }
}

// The value is not repeated: a mistyped key may hold a password.
function refuseName(what: string, name: string, from: string, known: readonly string[], prefix = ''): never {
  const meant = nearestWord(
    name.slice(prefix.length),
    known.map((other) => other.slice(prefix.length)),
  );
  const hint = meant === undefined ? 'see "corduroy daemon --help" for all of them' : `did you mean ${prefix}${meant}?`;
  throw new InvalidRequestError(`there is no ${what} ${name} (from ${from}); ${hint}`);
}

function refuseContradictions(values: ConfigValues): void {
  const together = (one: ConfigName, other: ConfigName): void => {
    if ((values[one] === undefined) === (values[other] === undefined)) return;
    const [given, missing] = values[one] === undefined ? [other, one] : [one, other];
    throw new InvalidRequestError(`${given} is given without ${missing}; give both or neither`);
  };
  together('etcd.certFile', 'etcd.keyFile');
  together('etcd.username', 'etcd.passwordFile');
  const sockets: readonly ConfigName[] = ['pluginSocket', 'adminSocket', 'dockerSocket'];
  for (const [index, name] of sockets.entries()) {
    const same = sockets.slice(index + 1).find((other) => values[other] === values[name]);
    if (same === undefined) continue;
    throw new InvalidRequestError(`${name} and ${same} are both ${String(values[name])}; give each a path of its own`);
  }
}
