import { readFileSync } from 'node:fs';

// build/src/composition/ -> the package
const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
};

/** The program's version, as package.json says. */
export const VERSION = version;
