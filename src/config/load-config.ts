import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { InvalidRequestError } from '../model/errors.js';
import { readConfigText } from './config-file.js';
import type { LoadedConfig } from './corduroy-config.js';
import type { ConfigName } from './keys.js';
import { CONFIG_FILE_VARIABLE, DEFAULT_CONFIG_FILE } from './locations.js';
import { resolveConfig } from './resolve-config.js';

/**
 * The settings of this process: flags as given, the environment, and the file.
 *
 * @param given.configFile another file than the default; then it must exist
 * @throws InvalidRequestError naming what to correct
 */
export function loadConfig(given: {
  readonly flags: ReadonlyMap<ConfigName, string>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly configFile?: string | undefined;
}): LoadedConfig {
  const { flags, environment } = given;
  const named = given.configFile ?? environment[CONFIG_FILE_VARIABLE];
  const file = readConfigFile(named ?? DEFAULT_CONFIG_FILE, named !== undefined);
  return resolveConfig({ flags, environment, file, hostName: hostname() });
}

function readConfigFile(
  path: string,
  mustExist: boolean,
): { path: string; settings: ReadonlyMap<string, string> } | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if (!mustExist && (cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new InvalidRequestError(
      `cannot read the configuration file ${path}: ${(cause as Error).message}; name a file that can be read, or leave it out`,
      { cause },
    );
  }
  return { path, settings: readConfigText(path, text) };
}
