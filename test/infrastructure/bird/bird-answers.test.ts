import { expect, test } from '@jest/globals';
import { countOf, refusalOf, sessionsOf } from '../../../src/infrastructure/bird/bird-answers.js';

const SHOWN = [
  [2002, 'Name       Proto      Table      State  Since         Info'],
  [1002, 'device1    Device     ---        up     1795264351    '],
  [1006, ''],
  [1002, 'kernel4    Kernel     master4    up     1795264351    '],
  [1006, '  Channel ipv4'],
  [1006, '    Routes:         9 imported, 9 exported, 9 preferred'],
  [1002, 'mesh_10_99_0_12 BGP        ---        up     1795264356    Established   '],
  [1006, '  BGP state:          Established'],
  [1006, '    Hold timer:       220.287/240'],
  [1006, '  Channel ipv4'],
  [1006, '    Routes:         3 imported, 2 exported, 1 preferred'],
  [1002, 'global_10_99_0_1 BGP        ---        start  1795264351    Active        Socket: Connection refused'],
  [1006, '  BGP state:          Active'],
  [1006, '    Last error:       Socket: Connection refused'],
  [1006, '  Channel ipv4'],
  [1006, '    State:          DOWN'],
  [1002, 'node_fd99__1 BGP        ---        down   1795264351    '],
  [1006, '  BGP state:          Down'],
  [0, ''],
] as const;

test('sessions with their states and routes are read from what BIRD shows, and nothing else', () => {
  expect(sessionsOf(SHOWN.map(([code, text]) => ({ code, text })))).toEqual([
    {
      name: 'mesh_10_99_0_12',
      state: 'established',
      since: new Date(1_795_264_356_000),
      imported: 3,
      exported: 2,
      error: undefined,
    },
    {
      name: 'global_10_99_0_1',
      state: 'active',
      since: new Date(1_795_264_351_000),
      imported: 0,
      exported: 0,
      error: 'Socket: Connection refused',
    },
    {
      name: 'node_fd99__1',
      state: 'down',
      since: new Date(1_795_264_351_000),
      imported: 0,
      exported: 0,
      error: undefined,
    },
  ]);
});

test('routes are counted over all tables', () => {
  const lines = ['0 of 2 routes for 2 networks in table master4', '1 of 1 routes for 1 networks in table master6'];
  expect(
    countOf([
      ...lines.map((text) => ({ code: 1007, text })),
      { code: 14, text: 'Total: 1 of 3 routes for 3 networks in 2 tables' },
    ]),
  ).toBe(1);
  expect(countOf([{ code: 14, text: '7 of 9 routes for 9 networks in table master4' }])).toBe(7);
});

test('a refusal is told by its code', () => {
  expect(
    refusalOf([
      { code: 2, text: 'Reading configuration from /x' },
      { code: 3, text: 'Reconfigured' },
    ]),
  ).toBe(undefined);
  expect(
    refusalOf([
      { code: 2, text: 'Reading' },
      { code: 8002, text: '/x:1:10 syntax error' },
    ]),
  ).toBe('/x:1:10 syntax error');
});
