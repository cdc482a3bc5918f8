import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { CONFIG_NAMES, environmentOf } from '../../src/config/keys.js';
import { resolveConfig } from '../../src/config/resolve-config.js';

interface Manifest {
  readonly interface: { readonly types: readonly string[]; readonly socket: string };
  readonly linux: { readonly capabilities: readonly string[] };
  readonly env: readonly { readonly name: string; readonly settable: readonly string[]; readonly value: string }[];
}

// build/test/config/ -> the project
const manifest = JSON.parse(readFileSync(new URL('../../../plugin-config.json', import.meta.url), 'utf8')) as Manifest;

/** Where things are inside the plugin is the manifest's own business. */
const FIXED = ['dataDir', 'pluginSocket', 'adminSocket', 'dockerSocket'];

test('every setting can be made with docker plugin set', () => {
  const settable = CONFIG_NAMES.filter((name) => !FIXED.includes(name)).map(environmentOf);
  expect(manifest.env.map(({ name }) => name)).toEqual(settable);
  expect(manifest.env.every((variable) => variable.settable.includes('value'))).toBe(true);
});

test('a plugin in which nothing was set runs with the defaults', () => {
  const environment = Object.fromEntries(manifest.env.map(({ name, value }) => [name, value]));
  const plain = { flags: new Map(), hostName: 'alpha', file: undefined };
  expect(resolveConfig({ ...plain, environment }).config).toEqual(resolveConfig({ ...plain, environment: {} }).config);
});

test('it is one plugin of both kinds, with no more rights than network and mount need', () => {
  expect(manifest.interface.types).toEqual(['docker.networkdriver/1.0', 'docker.ipamdriver/1.0']);
  expect(manifest.linux.capabilities).toEqual(['CAP_NET_ADMIN', 'CAP_NET_RAW', 'CAP_SYS_ADMIN']);
});
