import { expect, test } from '@jest/globals';
import { nodeMatches } from '../../src/composition/node-selection.js';
import type { Revision } from '../../src/effects/datastore.js';
import { parseNodeName } from '../../src/model/ids.js';

const alpha = parseNodeName('alpha');
const withLabels = (labels: Record<string, string>) =>
  nodeMatches(
    {
      nodes: new Map([
        [alpha, { value: { name: alpha, labels, version: '1', startedAt: '' }, revision: 1 as Revision }],
      ]),
    },
    alpha,
  );

test.each<[string, Record<string, string>, boolean]>([
  ['rack == "1"', { rack: '1' }, true],
  ['rack == "1"', { rack: '2' }, false],
  ['rack != "1"', {}, true],
  ['all()', {}, true],
  ['rack ==', { rack: '1' }, false],
])('%s on a node with %j: %p', (selector, labels, expected) => {
  expect(withLabels(labels)(selector)).toBe(expected);
});

test('a node that has no record yet is selected by what selects every node alone', () => {
  const matches = nodeMatches({ nodes: new Map() }, alpha);
  expect([matches('rack != "1"'), matches('all()')]).toEqual([false, true]);
});
