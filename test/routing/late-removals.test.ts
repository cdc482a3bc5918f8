import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { LateRemovals } from '../../routing/late-removals.js';
import type { ClusterChange } from '../../src/effects/cluster-view.js';
import type { Endpoint, PublishedPort } from '../../src/model/endpoint.js';

const told: string[] = [];
let attached = false;
let removals: LateRemovals;

beforeEach(() => {
  jest.useFakeTimers();
  told.length = 0;
  attached = false;
  removals = new LateRemovals({
    mayWait: () => !attached,
    tell: (changes) => told.push(...changes.map(({ key, after }) => `${after === undefined ? '-' : '+'}${key}`)),
  });
});
afterEach(() => {
  jest.useRealTimers();
});

const endpoint = (address: string, published: readonly PublishedPort[] = []): Endpoint =>
  ({ addresses: [address], published }) as unknown as Endpoint;
const put = (key: string, after: Endpoint): ClusterChange => ({ kind: 'endpoint', key, before: undefined, after });
const removal = (key: string, before: Endpoint): ClusterChange => ({ kind: 'endpoint', key, before, after: undefined });

test('removals are told together, a second later, and hold up nothing else', () => {
  removals.pass(removal('a', endpoint('10.64.0.1')));
  removals.pass(removal('b', endpoint('10.64.0.2')));
  removals.pass(put('c', endpoint('10.64.0.3')));
  expect(told).toEqual(['+c']);
  jest.advanceTimersByTime(1_000);
  expect(told).toEqual(['+c', '-a', '-b']);
});

test('an address that is given again has lost its former holder first', () => {
  removals.pass(removal('a', endpoint('10.64.0.1')));
  removals.pass(put('b', endpoint('10.64.0.1')));
  expect(told).toEqual(['-a', '+b']);
});

test('an endpoint that comes again is removed first', () => {
  removals.pass(removal('a', endpoint('10.64.0.1')));
  removals.pass(put('a', endpoint('10.64.0.9')));
  expect(told).toEqual(['-a', '+a']);
});

test('an endpoint that packets may still reach, or that a port leads to, is removed at once', () => {
  removals.pass(removal('a', endpoint('10.64.0.1', [{} as PublishedPort])));
  attached = true;
  removals.pass(removal('b', endpoint('10.64.0.2')));
  expect(told).toEqual(['-a', '-b']);
});

test('what waits can be asked for', () => {
  removals.pass(removal('a', endpoint('10.64.0.1')));
  removals.flush();
  removals.flush();
  expect(told).toEqual(['-a']);
});
