import { expect, test } from '@jest/globals';
import { FIRST_PAGE_KEYS, nextPageKeys } from '../../../src/infrastructure/etcd/page-size.js';

const page = (keys: number, bytes: number) =>
  Array.from({ length: keys }, () => ({ key: new Uint8Array(100), value: new Uint8Array(bytes - 100) }));

test('pages take some megabytes, whatever the records are like', () => {
  expect(nextPageKeys(page(FIRST_PAGE_KEYS, 1_000))).toBe(4_000);
  expect(nextPageKeys(page(4_000, 50_000))).toBe(80);
  expect(nextPageKeys(page(1, 5_000_000))).toBe(1);
});

test('small records come by the thousands, not by the tens of thousands', () => {
  expect(nextPageKeys(page(FIRST_PAGE_KEYS, 100))).toBe(5_000);
});
