import { expect, test } from '@jest/globals';
import { parseMacAddress } from '../../src/model/mac-address.js';

test.each([
  ['02-42-AC-11-00-02', '02:42:ac:11:00:02'],
  ['0a:00:00:00:00:00', '0a:00:00:00:00:00'],
])('%s is %s', (text, mac) => {
  expect(parseMacAddress(text)).toBe(mac);
});

test.each([
  ['00:00:00:00:00:00', /no interface's MAC address: choose another/],
  ['01:00:5e:00:00:01', /multicast MAC address: choose one whose first byte is even/],
  ['ff:ff:ff:ff:ff:ff', /multicast/],
  ['02:42:ac:11:00', /not a MAC address: write it as/],
  ['02:42:ac:11:00:02:03:04', /not a MAC address: write it as/],
  [' 02:42:ac:11:00:02', /not a MAC address/],
  ['', /not a MAC address/],
])('%j is refused with the way to write it', (text, says) => {
  expect(() => parseMacAddress(text)).toThrow(says);
});
