import { describe, expect, test } from '@jest/globals';
import { readConfigText } from '../../src/config/config-file.js';
import { CONFIG_NAMES, type ConfigName, environmentOf, flagOf } from '../../src/config/keys.js';
import { type ConfigInput, resolveConfig } from '../../src/config/resolve-config.js';

const NOTHING: ConfigInput = { flags: new Map(), environment: {}, file: undefined, hostName: 'alpha' };
const byFlag = (name: ConfigName, text: string) => resolveConfig({ ...NOTHING, flags: new Map([[name, text]]) });
const byEnvironment = (name: ConfigName, text: string) =>
  resolveConfig({ ...NOTHING, environment: { [environmentOf(name)]: text } });
const byFile = (yaml: string) =>
  resolveConfig({ ...NOTHING, file: { path: '/c.yaml', settings: readConfigText('/c.yaml', yaml) } });

/** One line of bounded length, that names all these, and ends in something to do. */
function refusalOf(resolve: () => unknown, ...names: readonly string[]): void {
  let message = 'it was accepted';
  try {
    resolve();
  } catch (error) {
    message = (error as Error).message;
  }
  for (const name of names) expect(message).toContain(name);
  expect(message).toMatch(/[;?:] ?(write|begin|use|did you mean|choose|see|correct|give)|did you mean/);
  expect(message).toMatch(/^[ -~]{1,700}$/);
}

/** What no setting can be. */
const NEVER = ['', ' ', '\0', '/a\nb', '/\u001b[2J', `/${'x'.repeat(10_000)}`, `${'9'.repeat(10_000)}\t`];
/** What some settings can be, and the others must refuse as well. */
const RARELY = [
  '-1',
  '1e999',
  '0x7fffffff',
  '[object Object]',
  '99999999999999999999',
  'null',
  '::',
  '%s%n',
  '../../x',
];

describe.each(CONFIG_NAMES)('%s', (name) => {
  test.each(NEVER)('is never %j, wherever that stands', (text) => {
    refusalOf(() => byFlag(name, text), name, `(flag ${flagOf(name)})`);
    refusalOf(() => byFile(`${name}: ${JSON.stringify(text)}`), name, '(file /c.yaml)');
    // An empty variable is one that nobody has set.
    if (text === '') expect(byEnvironment(name, text).sources[name]).toBe('default');
    else refusalOf(() => byEnvironment(name, text), name, `(environment ${environmentOf(name)})`);
  });

  test.each(RARELY)('is not silently something else for %j', (text) => {
    let printed: unknown;
    try {
      printed = byFlag(name, text).values[name];
    } catch {
      refusalOf(() => byFlag(name, text), flagOf(name).slice(2).split('-')[0] ?? '');
      return;
    }
    expect(String(printed)).toBe(text);
  });

  test.each(['null', '{}', '[]', '[[1]]', '{a: {b: 1}}', '[null]'])('of the type %s in the file', (yaml) => {
    refusalOf(() => byFile(`${name}: ${yaml}`), name, '/c.yaml');
  });
});
