import { expect, test } from '@jest/globals';
import { isDriverOf, managedPluginId } from '../../src/infrastructure/docker/driver-name.js';

test.each([
  ['corduroy', true],
  ['corduroy:latest', true],
  ['127.0.0.1:5000/corduroy:1', true],
  ['registry.example:5000/net/corduroy:1.2', true],
  ['corduroy@sha256:0a1b', true],
  ['corduroy-next:latest', false],
  ['corduroy:1/other:2', false],
  ['registry.example/corduroy/other', false],
  ['bridge', false],
  ['', false],
])('a network of driver %s is ours: %s', (driver, ours) => {
  expect(isDriverOf('corduroy', driver)).toBe(ours);
});

test('a managed plugin knows its id by what Docker mounted over the directory of plugin sockets', () => {
  const id = 'e697ec37d11954a436ef08d04f9da4543b3741648d07cfc0b482911019d6c59d';
  const line = `189 186 0:91 /docker/plugins/${id} /run/docker/plugins rw,relatime master:86 - tmpfs tmpfs rw\n`;
  const run = '186 153 0:91 / /run rw,relatime master:86 - tmpfs tmpfs rw,mode=755\n';
  expect(managedPluginId(run + line)).toBe(id);
  expect(managedPluginId(run)).toBeUndefined();
});
