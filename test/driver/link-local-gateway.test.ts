import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { chooseLinkLocalGateway } from '../../driver/link-local-gateway.js';
import type { IpAddress } from '../../src/model/ip-address.js';

const id = fc.stringMatching(/^[0-9a-f]{64}$/);

test('each network gets a link-local address of its own, outside what RFC 3927 reserves, and never the metadata address', () => {
  fc.assert(
    fc.property(fc.uniqueArray(id, { minLength: 1, maxLength: 50 }), (ids) => {
      const taken = new Set<IpAddress>();
      for (const each of ids) taken.add(chooseLinkLocalGateway(each, taken));
      expect(taken.size).toBe(ids.length);
      for (const address of taken) {
        expect(address).toMatch(/^169\.254\.([1-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-4])\.\d+$/);
        expect(address).not.toBe('169.254.169.254');
      }
    }),
  );
});

test('the same network gets the same address while it is free', () => {
  fc.assert(
    fc.property(id, (each) => {
      const first = chooseLinkLocalGateway(each, new Set());
      expect(chooseLinkLocalGateway(each, new Set())).toBe(first);
      expect(chooseLinkLocalGateway(each, new Set([first]))).not.toBe(first);
    }),
  );
});

test('the last free address is found, and the metadata address is not given even then', () => {
  const taken = new Set<IpAddress>();
  for (let third = 1; third <= 254; third++) {
    for (let fourth = 1; fourth <= 254; fourth++) taken.add(`169.254.${third}.${fourth}` as IpAddress);
  }
  taken.delete('169.254.7.9' as IpAddress);
  taken.delete('169.254.169.254' as IpAddress);
  const last = chooseLinkLocalGateway('a'.repeat(64), taken);
  expect(last).toBe('169.254.7.9');
  expect(() => chooseLinkLocalGateway('a'.repeat(64), new Set([...taken, last]))).toThrow(/are taken/);
});
