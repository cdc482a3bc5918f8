import { expect, test } from '@jest/globals';
import { isSelected } from '../../policy/selected-endpoints.js';
import { SelectionIndex } from '../../policy/selection-index.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { parseSelector, parseSelectorText } from '../../src/model/selector.js';
import { anEndpoint } from '../builders/policy-world.js';

const known = { id: 'c', name: 'front' };

test.each<[string, string, Endpoint['labels'], Endpoint['container'], boolean | undefined]>([
  ['a label of a container that is known', 'role == "db"', { role: 'db' }, known, true],
  ['no such label of a container that is known', 'role != "db"', {}, known, true],
  [
    'a label of the endpoint itself, which its container cannot change',
    'role == "db"',
    { role: 'db' },
    undefined,
    true,
  ],
  ['a label that the container may have', 'role == "db"', {}, undefined, undefined],
  ['a label that the container may lack', '!has(role)', {}, undefined, undefined],
  [
    'a name that Docker will tell, whatever was chosen',
    'docker/name == "x"',
    { 'docker/name': 'x' },
    undefined,
    undefined,
  ],
  ['a name that Docker has told', 'docker/name == "x"', { 'docker/name': 'x' }, known, true],
  ['every endpoint', 'all()', {}, undefined, true],
])('%s', (_, selector, labels, container, expected) => {
  expect(isSelected(parseSelector(selector), anEndpoint(2, { labels, container }))).toBe(expected);
});

test('an address that two endpoints claim stays selected until both have gone', () => {
  const index = new SelectionIndex();
  const one = anEndpoint(2, { labels: { role: 'db' } });
  const other = { ...anEndpoint(3, { labels: { role: 'db' } }), addresses: one.addresses };
  const selection = { selector: parseSelectorText('role == "db"'), reading: 'sure' as const };
  expect([...index.add(selection, [one])]).toEqual(one.addresses);
  expect(index.move(undefined, other)).toEqual({ added: [], removed: [], mayCut: false });
  expect(index.move(one, undefined).removed).toEqual([]);
  expect(index.move(other, undefined).removed).toEqual(one.addresses.map((address) => [selection, address]));
});
