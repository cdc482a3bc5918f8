import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { CONFIG_NAMES, environmentOf } from '../../src/config/keys.js';
import { resolveConfig } from '../../src/config/resolve-config.js';

interface Manifest {
  readonly interface: { readonly types: readonly string[]; readonly socket: string };
  readonly network: { readonly type: string };
  readonly pidhost: boolean;
  readonly linux: { readonly capabilities: readonly string[]; readonly allowAllDevices: boolean };
  readonly mounts: readonly { readonly source: string; readonly destination: string; readonly type: string }[];
  readonly env: readonly { readonly name: string; readonly settable: readonly string[]; readonly value: string }[];
}

// build/test/config/ -> the project
const manifest = JSON.parse(readFileSync(new URL('../../../plugin-config.json', import.meta.url), 'utf8')) as Manifest;

/** Where Docker finds the plugin, and keeps its files when it is upgraded, the manifest says itself. */
const FIXED = ['dataDir', 'pluginSocket'];

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

test('it is one plugin of both kinds, with no more rights than its work needs', () => {
  expect(manifest.interface.types).toEqual(['docker.networkdriver/1.0', 'docker.ipamdriver/1.0']);
  expect(manifest.network.type).toBe('host');
  expect(manifest.pidhost).toBe(false);
  expect(manifest.linux).toEqual({ capabilities: ['CAP_NET_ADMIN'], allowAllDevices: false, devices: [] });
});

test('it mounts only what every Linux host has, for Docker refuses a plugin whose mount is absent', () => {
  const sources = manifest.mounts.map(({ type, source }) => `${type} ${source}`);
  expect(sources).toEqual(['bind /run', 'bind /etc', 'proc proc']);
});

test("the host's directories are where they are on the host, so that no default names another place", () => {
  const binds = manifest.mounts.filter(({ type }) => type === 'bind');
  expect(binds.map(({ destination }) => destination)).toEqual(binds.map(({ source }) => source));
});
