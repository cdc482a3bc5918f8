import { readFileSync } from 'node:fs';

/** Of the package that this file was built from. */
export function packageVersion(): string {
  // build/src/cli/ -> the project
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
